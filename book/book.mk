# book.mk: from chapters/*.nw to the program and to the book. Included by the
# Makefile; paths are relative to the root of the repository.
#
#   make tangle     code/, tests/ and exercises/ out of the chapters
#   make drift      do they still say the same?
#   make where F=code/layers/norm.c:10
#   make book       lint, build/book.pdf (the course), build/html/index.html
#   make book EDITION=complete              build/complete.pdf instead
#   make exam       build/exam.pdf and build/exam-answers.pdf
#   make ledger     is every line in the one, and accounted for in the other?
#
# One chapter in the making, whatever it still lacks (complaints are printed):
#
#   make pdf html DRAFT=yes CHAPTERS=chapters/03-layers.nw BUILD=build/draft

BUILD    ?= build
# The version of the book is that of the program, which a chapter defines.
VERSION   = $(shell sed -n 's/^.define MHC_VERSION "\(.*\)"$$/\1/p' $(wildcard chapters/*.nw))
CHAPTERS ?= $(sort $(wildcard chapters/*.nw))

BOOK_PACKAGES := noweb pandoc make gawk poppler-utils texlive-luatex \
  texlive-latex-recommended texlive-pictures fonts-texgyre \
  fonts-texgyre-math fonts-go fonttools python3-brotli

.PHONY: tangle drift where lint book pdf html ledger figures exam book-test book-packages

book-packages:
	@$(if $(wildcard tools/need),tools/need $(DEPS) $(BOOK_PACKAGES))

# Tangling ---------------------------------------------------------------------

tangle:
	@book/tangle $(BUILD)/tangled $(CHAPTERS)
	@book/install $(BUILD)/tangled . code tests exercises

drift:
	@book/drift $(BUILD)/drift $(CHAPTERS)

where:
	@book/where "$(F)" $(BUILD) $(CHAPTERS)

# Weaving ----------------------------------------------------------------------

book: book-packages
	@$(MAKE) --no-print-directory lint pdf html
	$(if $(filter course,$(EDITION)),@$(MAKE) --no-print-directory ledger)
# The course edition carries the argument; the complete one has every line.
EDITION ?= course
BOOK_course := book
BOOK_complete := complete
pdf:  $(BUILD)/$(BOOK_$(EDITION)).pdf
html: $(BUILD)/html/index.html

lint:
	@echo "  LINT"
	@LC_ALL=C.UTF-8 gawk -f book/lint.awk $(CHAPTERS)
	@LC_ALL=C.UTF-8 gawk -f book/tables.awk $(CHAPTERS)
	@LC_ALL=C.UTF-8 gawk -f book/stores.awk pass=1 $(wildcard code/*/*.cu code/*/*.cuh) pass=2 $(wildcard code/*/*.cu code/*/*.cuh) < /dev/null
	@[[ ! -f CITATION.cff ]] || grep -qx 'version: "$(VERSION)"' CITATION.cff || \
	  { echo 'CITATION.cff: wants the line version: "$(VERSION)", as the program has it' >&2; exit 1; }

NOWEB  := /usr/lib/noweb
PARTS  := book/noweb.lua book/book.lua book/numbers.lua book/chunks.lua \
          book/apart.lua book/subjects.lua book/course.lua book/handouts.lua \
          $(or $(SUBJECTS),book/subjects.txt) book/cuda.xml book/book.yaml book/refs.bib
PANDOC  = pandoc -f book/noweb.lua $< -L book/book.lua \
          --metadata-file book/book.yaml -M bibliography=book/refs.bib \
          -M build=$(BUILD) $(if $(VERSION),-M version=$(VERSION)) --syntax-definition book/cuda.xml --citeproc \
          --wrap=none $(if $(DRAFT),-M draft=yes,--fail-if-warnings) -t json

# The figures come from a make of their own, since which there are is known
# only after tangling; it draws what is missing or older than its source.
FIGURES_J = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
figures:
	@book/tangle $(BUILD)/tangled $(CHAPTERS) $(if $(DRAFT),|| true)
	@mkdir -p $(BUILD)/figures
	@$(MAKE) --no-print-directory $(FIGURES_J) $(if $(DRAFT),-k) -f book/figures.mk BUILD="$(BUILD)" CHAPTERS="$(CHAPTERS)" $(if $(DRAFT),|| true)
$(BUILD)/figures.stamp: figures
	@[[ -f $@ && -z $$(find $(BUILD)/figures -name '*.svg' -newer $@) ]] || touch $@

# What ``` {include=...} shows: the book is made again when it changes.
INCLUDED := $(wildcard $(if $(CHAPTERS),$(shell sed -n 's/.*{.*include=\([^ }]*\).*}.*/\1/p' $(CHAPTERS) | sort -u)))

$(BUILD)/book.stream: $(CHAPTERS) book/elide.awk book/scope.awk
	@mkdir -p $(@D)
	@echo "  STREAM $(words $(CHAPTERS)) chapters"
	@export LC_ALL=C.UTF-8; $(NOWEB)/markup $(CHAPTERS) | gawk -f book/elide.awk | \
	  gawk -f book/scope.awk | $(NOWEB)/noidx > $@

$(BUILD)/%.json: $(BUILD)/book.stream $(PARTS) $(INCLUDED)
	@echo "  PANDOC $*"
	@$(PANDOC) -M format=$(if $(findstring html,$*),html,latex) -M edition=$* -o $@

$(BUILD)/book.tex: $(BUILD)/course.json
$(BUILD)/complete.tex: $(BUILD)/complete.json
$(BUILD)/%.tex: book/book.latex
	@pandoc $(filter %.json,$^) -s -t latex --syntax-definition book/cuda.xml --template book/book.latex --wrap=none \
	  --top-level-division=chapter -V build=$(BUILD) -V loom=book -o $@

# As often as the page numbers change: two or three times. A run that stops, or
# a line that does not fit, is reported with the chapter's line.
LATEX_RUN = max_print_line=2000 lualatex -interaction=nonstopmode -halt-on-error -output-directory=$(BUILD) $(BUILD)/$*.tex
$(BUILD)/%.pdf: $(BUILD)/%.tex $(BUILD)/figures.stamp book/log.awk book/index.lua book/margin.lua
	@rm -f $@
	@for i in 1 2 3 4; do \
	  echo "  LATEX pass $$i"; \
	  $(LATEX_RUN) > $(BUILD)/$*.screen 2>&1 || { gawk -f book/log.awk $(BUILD)/$*.tex $(BUILD)/$*.log >&2; rm -f $(BUILD)/$*.aux; exit 1; }; \
	  grep -Eq 'Rerun to get|Rerun LaTeX' $(BUILD)/$*.log || break; \
	done
	@LC_ALL=C.UTF-8 gawk -f book/log.awk $(BUILD)/$*.tex $(BUILD)/$*.log >&2 || $(if $(DRAFT),true,{ mv $@ $(BUILD)/faulty.pdf; exit 1; })
	@echo "  $@: $$(pdfinfo $@ | sed -n 's/^Pages: *//p') pages"

# Where every line of the program stands, and how many pages there are of what.
ledger:
	@echo "  LEDGER"
	@book/ledger $(BUILD) $(CHAPTERS)

# A font as browsers load it: the letters, signs and symbols that a book may have.
FONTS := /usr/share/texmf/fonts/opentype/public/tex-gyre /usr/share/texmf/fonts/opentype/public/tex-gyre-math /usr/share/fonts/fonts-go
FACES := texgyrepagella-regular texgyrepagella-italic texgyrepagella-bold texgyrepagella-bolditalic texgyrepagella-math Go-Mono Go-Mono-Italic Go-Mono-Bold
SIGNS := U+20-17F,U+2C6-2DC,U+300-36F,U+391-3F6,U+2000-23FF,U+25A0-27FF,U+2A00-2AFF,U+1D400-1D7FF
$(BUILD)/fonts/%.woff2:
	@mkdir -p $(@D)
	@pyftsubset $$(ls $(addsuffix /$*.[ot]tf,$(FONTS)) 2> /dev/null) --unicodes=$(SIGNS) --flavor=woff2 --no-hinting --drop-tables+=FFTM --output-file=$@

$(BUILD)/html/index.html: $(BUILD)/html.json $(BUILD)/figures.stamp $(FACES:%=$(BUILD)/fonts/%.woff2) $(addprefix book/,pages.lua book.html book.css book.js) $(wildcard book/moving-*.html)
	@echo "  HTML"
	@rm -rf $(@D)
	@mkdir -p $(@D)/fonts $(@D)/figures
	@cp book/book.css book/book.js $(@D)
	@cp $(FACES:%=$(BUILD)/fonts/%.woff2) $(@D)/fonts
	@cp $(BUILD)/figures/*.svg $(@D)/figures 2> /dev/null || true
	@cp book/widened-stream.pdf $(@D) 2> /dev/null || true
	@pandoc $< -s -t html5 --syntax-definition book/cuda.xml -L book/pages.lua --template book/book.html --mathml \
	  $(if $(wildcard book/widened-stream.pdf),-M pdf=widened-stream.pdf) -o $@

# Ten questions, and their answers: on paper of their own, in no edition.
exam: book-packages
	@$(MAKE) --no-print-directory $(BUILD)/exam.pdf $(BUILD)/exam-answers.pdf
$(BUILD)/exam.pdf $(BUILD)/exam-answers.pdf: book/exam.md book/exam.lua book/exam.latex
	@mkdir -p $(@D)
	@pandoc $< -s -L book/exam.lua --no-highlight --template book/exam.latex -M version=$(VERSION) \
	  $(if $(findstring answers,$@),-M answers=yes) --pdf-engine=lualatex -o $@
	@echo "  $@: $$(pdfinfo $@ | sed -n 's/^Pages: *//p') pages"

book-test: book-packages
	@$(if $(wildcard tools/need),tools/need $(DEPS) chromium)
	@book/test/run
