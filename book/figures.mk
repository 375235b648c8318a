# figures.mk: draws the figures whose sources were tangled into build/figures.
# A make of its own, since which there are is known only after tangling.
#
#   make -f book/figures.mk BUILD=build CHAPTERS="..."

SHELL   := /bin/bash
FIGURES := $(wildcard $(BUILD)/tangled/figures/*.tex)

.PHONY: all
.DELETE_ON_ERROR:
DRAWN   = $(patsubst $(BUILD)/tangled/%.tex,$(BUILD)/%.svg,$(1))
all: $(call DRAWN,$(FIGURES)) ; @:

# What a figure is drawn from: its source, and the CSV files it names.
define drawn
$(call DRAWN,$(1)): $(1) book/figure.tex book/figure \
  $(wildcard $(shell grep -o 'data/results/[A-Za-z0-9._/-]*\.csv' $(1) | sort -u))
	@echo "  FIGURE $$(@F)"
	@book/figure $$< $$(@D) $(CHAPTERS)
endef
$(foreach f,$(FIGURES),$(eval $(call drawn,$(f))))
