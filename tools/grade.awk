# grade.awk -v format=junit|gradescope|tap -v work=FOLDER -v moment=TIME: what `tools/lab grade` has
# found, in a format that other programs read. The lines of the input are folders,
# one a student, with a file `name` and for each lab NN/status and NN/log; the file
# work/labs has a lab's number, how many checks its solution and its stub pass, and
# its title.
BEGIN {
    FS = "\t"
    while ((getline line < (work "/labs")) > 0) {
        split(line, field, "\t")
        lab[++labs] = field[1]; total[labs] = field[2]; free[labs] = field[3]; title[labs] = field[4]
    }
    FS = "\n"
    if (format == "junit") print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>"
    if (format == "tap") print "TAP version 14"
}
{ student() }
END {
    if (format == "junit") print "</testsuites>"
    if (format == "tap") print "1.." number
}

function student(  k) {
    name = ""
    getline name < ($0 "/name")
    tests = failures = errors = score = most = 0
    body = properties = everything = ""
    for (k = 1; k <= labs; k++) one_lab($0 "/" lab[k], k)
    if (format == "junit") {
        printf "  <testsuite name=\"%s\" package=\"labs\" id=\"%d\" timestamp=\"%s\" hostname=\"localhost\" time=\"0\" " \
            "tests=\"%d\" failures=\"%d\" errors=\"%d\">\n", xml(name), suites++, moment, tests, failures, errors
        printf "    <properties>\n%s    </properties>\n%s    <system-out/>\n    <system-err/>\n  </testsuite>\n", properties, body
    }
    if (format == "gradescope") {
        file = $0 "/results.json"
        printf "{\n  \"score\": %.2f,\n  \"output\": \"%s\",\n  \"visibility\": \"visible\",\n  \"tests\": [\n%s\n  ]\n}\n", \
            score, json(name), body > file
        close(file)
    }
}

# The lab in folder at. Its points are the part that passed of the solution's checks,
# beyond those that the stub passes.
function one_lab(at, k,  status, line, checks, passed, failed, all, points, i, what, holds, why, reason) {
    status = 4
    getline status < (at "/status")
    close(at "/status")
    all = ""
    while ((getline line < (at "/log")) > 0) {
        all = all line "\n"
        if (line ~ /^(OK  |FAIL) /) {
            what[++checks] = substr(line, 6)
            holds[checks] = line ~ /^OK/
            passed += holds[checks]
            why[checks] = ""
        } else if (checks && line ~ /^     /) why[checks] = why[checks] substr(line, 6) "\n"
        if (line ~ /^REFUSED /) reason = substr(line, 9)
    }
    close(at "/log")
    if (status == 4) reason = "there is no answer"
    else if (status == 2) reason = "the answer does not compile"
    else if (status > 1 && reason == "") reason = "the answer could not be judged"
    failed = checks - passed
    if (status > 1) passed = checks = 0
    most = total[k] > checks ? total[k] : checks
    points = status == 0 ? 1 : passed > free[k] ? (passed - free[k]) / (most - free[k]) : 0
    if (status == 1 && points == 1) points = passed / (most + 1)
    score += 100 * points / labs
    properties = properties sprintf("      <property name=\"points.%s\" value=\"%.4f\"/>\n", lab[k], points)
    if (format == "gradescope") { gradescope(k, points, reason, all); return }
    if (status > 1) { checks = 1; what[1] = "the answer is judged"; holds[1] = 0; why[1] = reason "\n" all }
    else if (status == 1 && !failed) { what[++checks] = "the check comes to its end"; holds[checks] = 0; why[checks] = all }
    for (i = 1; i <= checks; i++) {
        if (format == "junit") junit(k, what[i], holds[i], why[i], status > 1)
        else tap(k, what[i], holds[i], why[i])
    }
}

function junit(k, what, holds, why, broken,  kind) {
    tests++
    kind = broken ? "error" : "failure"
    body = body sprintf("    <testcase classname=\"%s\" name=\"%s\" time=\"0\"", xml(name), xml("lab " lab[k] ": " what))
    if (holds) { body = body "/>\n"; return }
    if (broken) errors++; else failures++
    body = body sprintf(">\n      <%s type=\"lab\" message=\"%s\">%s</%s>\n    </testcase>\n", kind, xml(first(why)), xml(why), kind)
}

function gradescope(k, points, reason, all) {
    body = body (body == "" ? "" : ",\n") sprintf("    {\"name\": \"%s\", \"number\": \"%d\", \"score\": %.2f, \"max_score\": %.2f, " \
        "\"status\": \"%s\", \"output\": \"%s\", \"visibility\": \"visible\"}", json("lab " lab[k] ": " title[k]), lab[k] + 0,
        100 * points / labs, 100 / labs, points == 1 ? "passed" : "failed", json((reason == "" ? "" : reason "\n") all))
}

function tap(k, what, holds, why,  line, n, i) {
    number++
    what = name ": lab " lab[k] ": " what
    gsub(/\\/, "\\\\", what)
    gsub(/#/, "\\#", what)
    print (holds ? "ok " : "not ok ") number " - " what
    if (holds) return
    print "  ---\n  message: \"" json(first(why)) "\"\n  output: |2"
    n = split(why, line, "\n")
    for (i = 1; i < n; i++) print "    " line[i]
    print "  ..."
}

function first(text) { sub(/\n.*/, "", text); return text }
function xml(text) {
    gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text); gsub(/"/, "\\&quot;", text)
    return text
}
function json(text) {
    gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); gsub(/\n/, "\\n", text); gsub(/\t/, "\\t", text)
    return text
}
