// book.js: what the web pages can do with a script. They can be read without.
(function () {
"use strict";

function make(tag, attributes, parent) {
  var e = document.createElement(tag);
  for (var name in attributes) {
    if (name === "text") e.textContent = attributes.text;
    else e.setAttribute(name, attributes[name]);
  }
  if (parent) parent.appendChild(e);
  return e;
}

// A link to what is folded, or within it, opens it. ---------------------------------

function reveal() {
  var id = decodeURIComponent(location.hash.slice(1)), e = id && document.getElementById(id);
  if (!e) return;
  var folded = e.querySelector(":scope > details");
  if (folded) folded.open = true;
  for (var up = e.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
  e.scrollIntoView();
}
addEventListener("hashchange", reveal);
document.addEventListener("click", function (event) {        // the same place again
  var a = event.target.closest && event.target.closest("a[href]");
  if (a && a.href === location.href) reveal();
  var contents = a && a.closest("nav.side");
  if (contents && contents.hidePopover && contents.matches(":popover-open")) contents.hidePopover();
});
reveal();
addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (d) { d.open = true; });
});

// The contents at the side show where one is.
var here = document.querySelector("nav.side [aria-current]"), side = here && here.closest("nav.side");
if (side) side.scrollTop = here.offsetTop - side.clientHeight / 2;

// Copying ------------------------------------------------------------------------------

document.querySelectorAll("main pre").forEach(function (pre) {
  if (!pre.textContent.trim()) return;
  var box = make("div", {"class": "listing"});
  pre.replaceWith(box);
  box.appendChild(pre);
  var button = make("button", {"class": "copy", text: "Copy"}, box);
  button.addEventListener("click", function () {
    function say(what) {
      button.textContent = what;
      setTimeout(function () { button.textContent = "Copy"; }, 1500);
    }
    function select() {                         // where a page may not write to the clipboard
      getSelection().selectAllChildren(pre);
      say(document.execCommand("copy") ? "Copied" : "Selected");
    }
    if (!navigator.clipboard) return select();
    navigator.clipboard.writeText(pre.textContent.replace(/\s*$/, "\n")).then(function () { say("Copied"); }, select);
  });
});

// Searching: search.js assigns BOOK, and is read when it is first wanted. ---------------

var MOST = 40, RANK = ["section", "term", "name", "chunk", "figure", "table", "lab", "test"], reading;

function read(then) {
  if (window.BOOK) return then();
  if (!reading) reading = make("script", {src: "search.js"}, document.head);
  reading.addEventListener("load", then);
}

// Which pages have every word, or one that begins so?
function prose(words) {
  var pages = null;
  words.forEach(function (w) {
    var on = new Set(), at = -1, all = BOOK.words;
    while ((at = all.indexOf(";" + w, at + 1)) >= 0)
      all.slice(at, all.indexOf(";", at + 1)).split(" ").slice(1).forEach(function (k) { on.add(+k); });
    pages = pages ? pages.filter(function (k) { return on.has(k); }) : Array.from(on);
  });
  return (pages || []).sort(function (a, b) { return a - b; });
}

function find(query) {
  var words = query.toLowerCase().split(/\s+/).filter(Boolean), found = [];
  if (!words.length) return found;
  if (BOOK.words[0] !== ";") BOOK.words = ";" + BOOK.words + ";";
  BOOK.entries.forEach(function (e) {
    var what = e[1].toLowerCase();
    if (!words.every(function (w) { return what.includes(w); })) return;
    var whole = words.join(" "), bare = what.replace(/^[\d.]+ |[⟨⟩]/g, "");
    var score = (bare === whole ? 0 : bare.startsWith(whole) ? 10 : 20) + RANK.indexOf(e[0]);
    found.push({score: score, kind: e[0], what: e[1], page: e[2], id: e[3]});
  });
  found.sort(function (a, b) { return a.score - b.score || a.page - b.page; });
  prose(words).forEach(function (k) { found.push({kind: "text", what: "", page: k, id: ""}); });
  return found;
}

document.querySelectorAll(".search").forEach(function (box) {
  var label = make("label", {text: "Search "}, box);
  var input = make("input", {type: "search", placeholder: "a term, a name, a word", autocomplete: "off"}, label);
  var list = make("ol", {"aria-live": "polite"}, box);
  box.hidden = false;
  function show() {
    list.textContent = "";
    if (!input.value.trim()) return;
    var found = find(input.value);
    if (!found.length) make("li", {text: "Nothing is found."}, list);
    found.slice(0, MOST).forEach(function (r) {
      var page = BOOK.pages[r.page], li = make("li", {}, list);
      var a = make("a", {href: page[0] + (r.id ? "#" + r.id : ""), text: r.what || page[1]}, li);
      if (r.kind !== "section") make("span", {"class": "kind", text: " " + r.kind + (r.what ? ", " + page[1] : "")}, li);
    });
    if (found.length > MOST) make("li", {text: found.length - MOST + " more"}, list);
  }
  input.addEventListener("focus", function () { read(function () {}); });
  input.addEventListener("input", function () { read(show); });
});
})();
