# The Widened Stream: the program, its tests, its labs, its book.
#
#   make              build/mhc
#   make train        set up, build, train on Jane Austen, show a sample
#   make test         set up, build, run every test this machine can run
#   make help         the rest

SHELL       := /bin/bash
.SHELLFLAGS := -o pipefail -ec
export LC_ALL := C.UTF-8
.DELETE_ON_ERROR:
.SECONDARY:

ifeq ($(origin CC),default)
CC := gcc
endif
BLAS  ?= openblas
ARCH  ?= native
DEPS  ?= yes
# As many at a time as make was told, or as there are cores
JOBS  ?= $(or $(patsubst -j%,%,$(filter -j%,$(MAKEFLAGS))),$(shell nproc))
PARALLEL = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(JOBS))
export JOBS
WARN  := -Wall -Wextra -Wconversion
OPTIMIZE ?= -O3
FLAGS  = -std=c11 -D_GNU_SOURCE $(WARN) $(OPTIMIZE) $(TUNE) -ffp-contract=off \
         -fno-math-errno -fno-trapping-math -fopenmp -Icode -Itests
TUNE  := $(if $(filter aarch64,$(shell uname -m)),-mcpu,-march)=$(ARCH)
LIBS   = $(if $(filter none,$(BLAS)),,-lopenblas) $(if $(wildcard code/layers/onednn.c),-ldl) -ljansson -lxxhash -lm
ifeq ($(BLAS),none)
FLAGS += -DBLAS_NONE
endif

PACKAGES      := gcc libc6-dev make libopenblas-dev libdnnl-dev libjansson-dev libxxhash-dev
TEST_PACKAGES := $(PACKAGES) g++ check libsubunit-dev pkg-config noweb gawk \
                 binutils valgrind
# What several tests or measurements use
HELPERS  = $(filter-out tests/main.c,$(foreach t,$(TESTS),$(if $(findstring /test_,$(t)),,$(t))))
LIBRARY := $(filter-out code/commands/main.c,$(wildcard code/*/*.c))
PROGRAM := $(wildcard code/commands/main.c)
TESTS   := $(wildcard tests/main.c) $(filter-out \
             $(wildcard tests/*/measure_*.c tests/*/fuzz_*.c tests/*/show_*.c tests/*/preload_*.c), $(wildcard tests/*/*.c))

.PHONY: all program tests train test check bench experiments record-run help clean \
        lab check-lab hint labs solutions solution list-labs reset-lab grade \
        need-for-labs stages stage emulated planted units every-float exhaustive gpu-test gpu-check gpu-bench gpu-bundle mutants fuzz faults coverage valgrind sizes FORCE

all: program
program: $(if $(PROGRAM),build/mhc)

-include book/book.mk

help:
	@sed -n 's/^## //p' Makefile

## make                   build/mhc                (BLAS=none: without OpenBLAS)
## make train             set up, build, train on data/ for a few minutes, show a sample
##                        (PRECISION=bf16: in sixteen bits)
## make test              set up, build, every test this machine can run
## make check             the fast tests, for the edit loop      (ONLY=norm: some)
## make lab N=04          set up a lab in lab/04
## make check-lab N=04    check your answer     make hint N=04    make list-labs
## make reset-lab N=04    the stub again; your answer is kept beside it
## make labs              every lab is solved by its solution and by nothing else
## make grade LABS='17 21' ANSWERS=folder FORMAT=junit|gradescope|tap OUT=file
## make book              build/book.pdf, the course, and build/html/index.html, all of it
##                        (EDITION=complete: all of it as build/complete.pdf)
## make exam              build/exam.pdf: ten examination questions; build/exam-answers.pdf
## make ledger            after make book: is every line shown, or accounted for? pages by kind
## make tangle            code/, tests/, exercises/ from the chapters
## make where F=code/layers/norm.c:10    the chapter's line
## make stages            every prefix of the book builds and passes its tests
## make stage K=6         the program as of chapter 6, in build/stages/06
## make bench             speed, as ratios measured in one run
## make experiments       the book's measurements, where missing, into data/results
## make mutants           plant bugs, list those that no test notices   (NAMED=yes: ten by name;
##                        ARGS='--since REV': only in lines that changed since)
## make faults            every call fails once, in tiny runs          (FAULTS=300: some; FAULTS=all)
## make fuzz              files, settings and logs under attack        (FUZZ_TIME=60 seconds each)
## make sizes             where the lines of code/ are, and what a reader meets
## make emulated          kernels without a GPU: every order, races, bounds, sanitizers; barriers taken out
## make planted           bugs of kernels and of eight bits, planted one at a time: who finds them; barriers, as well
## make units             what each kernel of a boundary moves, counted and derived  (SIZE='1024 512')
## make exhaustive        all 2^32 floats, rounded to sixteen and eight bits, and images (EVERY=64: one in 64)
## make gpu-bench         on a machine with a GPU: products, steps, operations, into data/results
## make gpu-check         on a machine with a GPU: tests, sanitizers, a run, times, in five minutes
## make gpu-bundle        build/mhc-gpu.tar.gz: all that gpu-check needs, for a machine without network
## make coverage valgrind the lines that the tests of checkpoints run; memory

# Variants: one set of objects each -------------------------------------------
# Beside an object stands which headers it includes; only those make it again.
-include $(wildcard build/*/code/*/*.d build/*/tests/*.d build/*/tests/*/*.d)

SANITIZE := -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined \
            -fno-omit-frame-pointer
define variant
build/$(1)/%.o: %.c build/$(1)/flags
	@mkdir -p $$(@D)
	@echo "  CC $(1) $$<"
	@$$(CC) $$(FLAGS) $(2) -MMD -MP -c $$< -o $$@
build/$(1)/flags: FORCE
	@mkdir -p $$(@D)
	@echo '$$(CC) $$(FLAGS) $(2)' | cmp -s - $$@ || echo '$$(CC) $$(FLAGS) $(2)' > $$@
build/$(1)/mhc: $$(LIBRARY:%.c=build/$(1)/%.o) $$(PROGRAM:%.c=build/$(1)/%.o)
	@echo "  LD $(1) $$@"
	@$$(CC) $$(FLAGS) $(2) $$^ -o $$@ $$(LIBS)
build/$(1)/test: $$(LIBRARY:%.c=build/$(1)/%.o) $$(TESTS:%.c=build/$(1)/%.o)
	@echo "  LD $(1) $$@"
	@$$(CC) $$(FLAGS) $(2) $$^ -o $$@ $$$$(pkg-config --libs check) $$(LIBS)
build/$(1)/%: build/$(1)/tests/%.o $$(LIBRARY:%.c=build/$(1)/%.o) $$(HELPERS:%.c=build/$(1)/%.o)
	@mkdir -p $$(@D)
	@$$(CC) $$(FLAGS) $(2) $$^ -o $$@ $$$$(pkg-config --libs check) $$(LIBS)
endef
FORCE:
$(eval $(call variant,float,))
$(eval $(call variant,double,-DREAL_IS_DOUBLE))
$(eval $(call variant,asan,$$(SANITIZE)))
$(eval $(call variant,asan-double,-DREAL_IS_DOUBLE $$(SANITIZE)))
$(eval $(call variant,coverage,-O0 -g --coverage))

build/mhc: build/float/mhc
	@cp $< $@.new && mv $@.new $@
build/mhc-double: build/double/mhc
	@cp $< $@.new && mv $@.new $@

# The GPU, and where there is none ------------------------------------------------
# The same .cu files: by nvcc, or rewritten by three rules of sed, by g++ with the emulator.

ifeq ($(origin CXX),default)
CXX := g++
endif
NVCC     := $(or $(NVCC),$(shell command -v nvcc),$(wildcard /usr/local/cuda/bin/nvcc))
EMULATOR ?= code/device/emulator
KERNELS  := $(wildcard code/*/*.cu)
# What is compiled twice: as it is, and with numbers kept in sixteen bits
KEPT     := $(if $(wildcard code/device/sixteen.cu),$(shell grep -l '^KEPT_BEGIN' $(KERNELS)))
SIXTEEN   = $(KEPT:%.cu=build/$(1)/sixteen/%.o)
CUTESTS  := $(wildcard tests/*/*.cu)
CUFLAGS   = -std=c++20 -D_GNU_SOURCE -Wall -Wextra -Wno-unknown-pragmas -Wno-missing-field-initializers \
            -fopenmp -Icode -Itests
EMUFLAGS  = $(CUFLAGS) -I$(EMULATOR)
EMULATION = $(patsubst $(EMULATOR)/%.cpp,%,$(wildcard $(EMULATOR)/*.cpp))
-include $(wildcard build/*/emulator/*.d build/*/sixteen/*/*/*.d)
define emulate
	@mkdir -p $(@D)
	@echo "  EMULATE $(1) $<"
	@(echo '#line 1 "$<"'; sed -f $(EMULATOR)/rewrite.sed $<) > $(@:.o=.cu.cpp)
	@$(CXX) $(EMUFLAGS) -O2 -g $(2) -MMD -MP -MT $@ -c $(@:.o=.cu.cpp) -o $@
endef
# $(1) its folder, $(2) for all of it, $(3) for kernels, $(4) parts of the emulator left out, $(5) whose C
define emulated
DEVICE_$(1) = $$(KERNELS:%.cu=build/$(1)/%.o) $(SIXTEEN) $$(patsubst %,build/$(1)/emulator/%.o,$$(filter-out $(4),$$(EMULATION)))
build/$(1)/%.o: %.cu build/$(1)/emulator-flags $(EMULATOR)/rewrite.sed
	$$(call emulate,$(1),$(2) $(3))
build/$(1)/sixteen/%.o: %.cu build/$(1)/emulator-flags $(EMULATOR)/rewrite.sed
	$$(call emulate,$(1)/sixteen,$(2) $(3) -DSIXTEEN)
build/$(1)/emulator/%.o: $(EMULATOR)/%.cpp build/$(1)/emulator-flags
	@mkdir -p $$(@D)
	@echo "  CC $(1) $$<"
	@$$(CXX) $$(EMUFLAGS) -O2 -g $(2) -MMD -MP -c $$< -o $$@
build/$(1)/emulator-flags: FORCE
	@mkdir -p $$(@D)
	@echo '$$(CXX) $$(EMUFLAGS) $(2) $(3)' | cmp -s - $$@ || echo '$$(CXX) $$(EMUFLAGS) $(2) $(3)' > $$@
build/$(1)/mhc: $$(LIBRARY:%.c=build/$(5)/%.o) $$(PROGRAM:%.c=build/$(5)/%.o) $$(DEVICE_$(1))
	@echo "  LD $(1) $$@"
	@$$(CXX) -fopenmp $(2) -rdynamic $$^ -o $$@ -ldl $$(LIBS)
build/$(1)/test: $$(LIBRARY:%.c=build/$(5)/%.o) $$(TESTS:%.c=build/$(5)/%.o) $$(CUTESTS:%.cu=build/$(1)/%.o) $$(DEVICE_$(1))
	@echo "  LD $(1) $$@"
	@$$(CXX) -fopenmp $(2) -rdynamic $$^ -o $$@ -ldl $$$$(pkg-config --libs check) $$(LIBS)
build/$(1)/%: build/$(5)/tests/%.o $$(LIBRARY:%.c=build/$(5)/%.o) $$(HELPERS:%.c=build/$(5)/%.o) $$(CUTESTS:%.cu=build/$(1)/%.o) $$(DEVICE_$(1))
	@mkdir -p $$(@D)
	@$$(CXX) -fopenmp $(2) -rdynamic $$^ -o $$@ -ldl $$$$(pkg-config --libs check) $$(LIBS)
endef
$(eval $(call emulated,emulated,,,checker,float))
$(eval $(call emulated,checked,,-O1 -fsanitize=thread --param tsan-instrument-func-entry-exit=0,,float))
# (its flags have a comma: to be expanded last)
$(eval $(call emulated,emulated-asan,$$(SANITIZE),,checker,asan))
build/mhc-emulated: build/emulated/mhc
	@cp $< $@.new && mv $@.new $@

# One binary for sm_80, sm_90a and, through PTX, what comes after. A spill is an error.
# For other GPUs: NVCC_ARCHS=80, in a folder of its own. Without 90a the kernels of 9.0 are left out.
NVCC_ARCHS ?= 80 90a
empty :=
GPU     := gpu$(if $(filter-out 80 90a,$(NVCC_ARCHS))$(filter-out $(NVCC_ARCHS),80 90a),-$(subst $(empty) $(empty),-,$(strip $(NVCC_ARCHS))))
export GPU
LATER = $(foreach a,$(if $(filter 90a,$(NVCC_ARCHS)),90,80),-gencode arch=compute_$(a)$(,)code=compute_$(a))
NVFLAGS = -std=c++20 -O3 -Icode -Itests -D_GNU_SOURCE -Xcompiler -fopenmp,-Wall $(if $(filter 90a,$(NVCC_ARCHS)),-DWITH_SM_90A) \
          $(foreach a,$(NVCC_ARCHS),-gencode arch=compute_$(a)$(,)code=sm_$(a)) $(LATER) \
          -Xptxas -v,-warn-spills,-warn-lmem-usage,-Werror
, := ,
define compile-by-nvcc
	@mkdir -p $(@D)
	@echo "  NVCC $(1) $<"
	@$(NVCC) $(NVFLAGS) $(1) -MMD -MP -c $< -o $@ 2> $(@:.o=.ptxas) || { grep -v '^ptxas info' $(@:.o=.ptxas) >&2; exit 1; }
endef
build/$(GPU)/%.o: %.cu
	$(call compile-by-nvcc)
build/$(GPU)/sixteen/%.o: %.cu
	$(call compile-by-nvcc,-DSIXTEEN)
# $(1) its folder, $(2) whose C, $(3) for the linker
define linked-by-nvcc
build/$(1)/mhc: $$(LIBRARY:%.c=build/$(2)/%.o) $$(PROGRAM:%.c=build/$(2)/%.o) $$(KERNELS:%.cu=build/$(GPU)/%.o) $$(call SIXTEEN,$(GPU))
	@echo "  LD $(1) $$@"
	@mkdir -p $$(@D)
	@$$(NVCC) -cudart static $$^ -o $$@ -Xcompiler -fopenmp $(3) $$(LIBS)
build/$(1)/test: $$(LIBRARY:%.c=build/$(2)/%.o) $$(TESTS:%.c=build/$(2)/%.o) $$(KERNELS:%.cu=build/$(GPU)/%.o) $$(call SIXTEEN,$(GPU)) $$(CUTESTS:%.cu=build/$(GPU)/%.o)
	@echo "  LD $(1) $$@"
	@mkdir -p $$(@D)
	@$$(NVCC) -cudart static $$^ -o $$@ -Xcompiler -fopenmp $(3) $$$$(pkg-config --libs check | sed 's/-pthread//') $$(LIBS)
build/$(1)/%: build/$(2)/tests/%.o $$(LIBRARY:%.c=build/$(2)/%.o) $$(HELPERS:%.c=build/$(2)/%.o) $$(KERNELS:%.cu=build/$(GPU)/%.o) $$(call SIXTEEN,$(GPU))
	@mkdir -p $$(@D)
	@$$(NVCC) -cudart static $$^ -o $$@ -Xcompiler -fopenmp $(3) $$$$(pkg-config --libs check | sed 's/-pthread//') $$(LIBS)
endef
$(eval $(call linked-by-nvcc,$(GPU),float))
# For a bundle: C for any processor with AVX2, and libraries found beside the program, also by each other
$(eval $(call variant,portable,$(if $(filter x86_64,$(shell uname -m)),-march=x86-64-v3)))
$(eval $(call linked-by-nvcc,bundle,portable,-Xlinker --disable-new-dtags -Xlinker -rpath -Xlinker '$$$$ORIGIN/../../lib:$$$$ORIGIN/../../../lib'))
build/mhc-gpu: build/$(GPU)/mhc
	@cp $< $@.new && mv $@.new $@

# Training ---------------------------------------------------------------------

# mHC, as soon as the book has come to it (a stage may not have)
CONNECTION ?= $(if $(wildcard code/mix/gates.c),mhc,residual)
STREAMS    ?= $(if $(filter residual,$(CONNECTION)),1,4)
TRAIN ?= --data data/austen.txt --held-out data/persuasion.txt --name austen \
         --connection $(CONNECTION) --streams $(STREAMS) \
         --layers 4 --width 192 --heads 6 --context 256 --batch 4 --steps 3000 \
         --rate 3e-3 --warmup 150 --floor 0.02 \
         --evaluate-every 250 --evaluate-windows 128 --save-every 250 \
         $(if $(PRECISION),--precision $(PRECISION))
train:
	@tools/need $(DEPS) $(PACKAGES)
	@$(MAKE) --no-print-directory $(PARALLEL) build/mhc
	@build/mhc train $(TRAIN) $(ARGS)
	@echo; build/mhc sample runs/latest --prompt 'Mr. ' --length 1200 --seed 3

# Tests ------------------------------------------------------------------------

test:
	@tools/need $(DEPS) $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory $(PARALLEL) tests
	@tools/total build/tests $(if $(PROGRAM),,--no-program)
# A measurement is no test, but it must compile.
tests: $(patsubst %.c,build/float/%.o,$(wildcard tests/*/measure_*.c)) \
       build/float/test build/double/test build/asan/test \
       $(if $(PROGRAM),build/mhc build/mhc-double build/asan/mhc) \
       $(if $(KERNELS),build/emulated/test build/mhc-emulated \
         $(if $(wildcard tests/device/show_gpu_bench.c),build/emulated/device/show_gpu_bench) \
         $(if $(wildcard tests/model/show_gradients.c),build/double/model/show_gradients build/emulated/model/show_gradients) $(if $(NVCC),build/$(GPU)/test build/mhc-gpu))
check: export OMP_WAIT_POLICY = passive
check: build/float/test build/double/test
	@build/double/test --fast $(ONLY) > build/double/check.log 2>&1 & double=$$!; \
	build/float/test --fast $(ONLY); float=$$?; \
	wait $$double; double=$$?; echo 'in double:'; cat build/double/check.log; exit $$((float + double))

valgrind: build/valgrind/test
	@OMP_NUM_THREADS=1 CK_TIMEOUT_MULTIPLIER=10 valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=9 \
	  build/valgrind/test --fast $(ONLY)
$(eval $(call variant,valgrind,-g -O1 $(if $(filter x86_64,$(shell uname -m)),-march=x86-64-v2)))

COUNTED = $(patsubst tests/%.c,build/checked/%,$(wildcard tests/boundary/show_units.c tests/boundary/show_lazy_units.c tests/layers/show_operand_units.c))
# Kernels in every order, late, guarded, checked; each barrier taken out in turn
emulated:
	@tools/need $(DEPS) $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory $(PARALLEL) build/emulated/test build/checked/test build/emulated-asan/test \
	  $(COUNTED)
	@tools/emulated

# What a boundary moves, against what was derived, and what it may
units:
	@tools/need $(DEPS) $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory $(PARALLEL) $(COUNTED)
	@tools/boundary-units $(SIZE) | column -s, -t
	@! [ -e tests/layers/show_operand_units.c ] || tools/operand-units | column -s, -t

planted:
	@tools/need $(DEPS) $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory $(PARALLEL) build/checked/test
	@tools/planted

every-float: build/float/ground/show_every_float
	@$< $(EVERY)
experiments: $(if $(wildcard code/ground/bf16.h),data/results/every_float.txt)
data/results/every_float.txt: | build/float/ground/show_every_float
	@(echo '$$ make every-float'; build/float/ground/show_every_float) > $@.new && mv $@.new $@
FP8 := $(if $(wildcard tests/ground/show_every_fp8.c),build/float/ground/show_every_fp8)
IMAGE := $(if $(wildcard tests/layers/show_every_image.c),build/float/layers/show_every_image)
FP8_GPU := $(if $(wildcard tests/device/show_every_fp8_on_gpu.c),build/emulated/device/show_every_fp8_on_gpu)
exhaustive: every-float $(FP8) $(IMAGE) $(FP8_GPU)
	@$(FP8) $(EVERY)
	@$(IMAGE) $(EVERY)
	@$(FP8_GPU) $(EVERY)
experiments: $(if $(FP8),data/results/exhaustive.txt $(patsubst %,data/results/eight_%.csv,blocks formats products sums))
data/results/exhaustive.txt: | $(FP8)
	@(echo '$$ make exhaustive'; $(FP8)) > $@.new && mv $@.new $@
experiments: $(if $(IMAGE),data/results/exhaustive_images.txt)
data/results/exhaustive_images.txt: | $(IMAGE)
	@(echo '$$ make exhaustive'; $(IMAGE)) > $@.new && mv $@.new $@
data/results/eight_%.csv: | build/float/ground/measure_eight
	@WHAT=$* tools/record $@ tools/eight-bits

# On a machine with a GPU; from an archive, without network or compiler
GPU_PROGRAMS := test mhc $(patsubst tests/%.c,%,$(wildcard tests/device/measure_gpu.c tests/device/show_gpu_bench.c))
gpu-test: build/$(GPU)/test
	@tools/gpu test
gpu-check: $(GPU_PROGRAMS:%=build/$(GPU)/%)
	@tools/gpu check
gpu-bench: build/$(GPU)/device/show_gpu_bench
	@tools/gpu bench
gpu-bundle: $(GPU_PROGRAMS:%=build/bundle/%)
	@tools/gpu bundle

# Labs -------------------------------------------------------------------------

lab hint solution reset-lab:
	@tools/lab $@ '$(N)'
list-labs:
	@tools/lab $@
check-lab labs solutions grade: | need-for-labs
need-for-labs:
	@tools/need $(DEPS) $(PACKAGES) $(if $(wildcard exercises/*/stub.cu),g++) binutils
check-lab:
	@tools/lab $@ '$(N)'
solutions:
	@tools/lab $@ $(N)
labs:
	@tools/need $(DEPS) gawk libxml2-utils
	@tools/lab $@ $(N)
	@$(if $(N),,tools/valid/labs)
grade:
	@tools/lab $@

# Stages, mutants ----------------------------------------------------------------

stages:
	@tools/need $(DEPS) $(TEST_PACKAGES) ccache
	@tools/stages
stage:
	@$(if $(K),tools/stages '$(K)',echo 'Which chapter? For instance: make stage K=6' >&2; exit 1)
mutants:
	@tools/$(if $(NAMED),named,mutants $(ARGS))

# Measurements -------------------------------------------------------------------

MEASURES := $(foreach m,$(filter-out %/measure_gpu.c,$(wildcard tests/*/measure_*.c)),$(patsubst measure_%.c,%,$(notdir $(m))))
experiments: $(MEASURES:%=data/results/%.csv) $(addprefix data/results/,austen_end.txt bench.txt bench_arms.txt bench_arms_wide.txt \
  sizes.txt)
data/results/austen_end.txt: | build/mhc
	@$(MAKE) --no-print-directory record-run CONNECTION=residual
record-run:
	@tools/record-run 'make train CONNECTION=$(CONNECTION)' $(filter-out --name austen,$(TRAIN))
data/results/sizes.txt:
	@(echo '$$ make sizes'; tools/sizes) > $@.new && mv $@.new $@
data/results/bench.txt: | build/mhc
	@(echo "$$ mhc bench"; build/mhc bench | fold -s -w 72 | sed "s, *$$,,") > $@.new && mv $@.new $@
ARMS := --arms all --rounds 11
WIDE := $(ARMS) --layers 2 --width 768 --heads 12
data/results/bench_arms.txt data/results/bench_arms_wide.txt: | build/mhc
	@(echo "$$ mhc bench $(if $(findstring wide,$@),$(WIDE),$(ARMS))"; build/mhc bench $(if $(findstring wide,$@),$(WIDE),$(ARMS)) \
	  | fold -s -w 72 | sed "s, *$$,,") > $@.new && mv $@.new $@
define measure
data/results/$(patsubst measure_%.c,%,$(notdir $(1))).csv:
	@$$(MAKE) --no-print-directory $$(PARALLEL) build/float/$(patsubst tests/%.c,%,$(1))
	@tools/record $$@ build/float/$(patsubst tests/%.c,%,$(1))
endef
$(foreach m,$(wildcard tests/*/measure_*.c),$(eval $(call measure,$(m))))

# What chapter 18 makes of its runs; and CSV as aligned text, for the book.
$(patsubst %,data/results/%.csv,power comparisons summary curves): | data/results/experiment.csv
data/results/repetition.csv: | data/results/again.csv
data/results/precision_against.csv: | data/results/precision.csv
data/results/wide_residual_against.csv: | data/results/experiment.csv data/results/wide_residual.csv
QUESTIONS := main budget streams shape clip
experiments: $(patsubst %,data/results/%.txt,power summary arms repetition rates verdict wide_residual_against $(QUESTIONS:%=comparisons_%))
$(patsubst %,data/results/%.txt,power summary arms): %.txt: %.csv
	@tools/table $< > $@.new && mv $@.new $@
$(QUESTIONS:%=data/results/comparisons_%.txt): data/results/comparisons_%.txt: data/results/comparisons.csv
	@tools/table $< $* > $@.new && mv $@.new $@
data/results/rates.txt: data/results/rates.csv
	@{ echo arm,loss; awk -F, '$$3 == 600 { printf "%s,%.4f\n", $$1, $$4 }' $<; } > build/rates && tools/table build/rates > $@.new && mv $@.new $@
experiments: data/results/overhead.csv
data/results/overhead.csv: data/results/arms.csv data/results/bench_arms.txt data/results/bench_arms_wide.txt
	@tools/overhead $^ > $@.new && mv $@.new $@
data/results/verdict.txt: | build/float/check/show_verdict
	@build/float/check/show_verdict | sed "s, *$$,," > $@.new && mv $@.new $@
data/results/repetition.txt: data/results/repetition.csv
	@tools/table $< again > $@.new && mv $@.new $@
data/results/wide_residual_against.txt: data/results/wide_residual_against.csv
	@tools/table $< > $@.new && mv $@.new $@
# What kernels move, counted by the checked emulator.
experiments: $(if $(KERNELS),data/results/kernel_units.csv)
data/results/kernel_units.csv:
	@$(MAKE) --no-print-directory $(PARALLEL) build/checked/boundary/show_kernel_units
	@UNITS_OF=build/checked/boundary/show_kernel_units tools/record $@ tools/units
# What becomes of the planted bugs, by how they are run.
experiments: $(if $(KERNELS),data/results/emulator_bugs.csv)
data/results/emulator_bugs.csv:
	@$(MAKE) --no-print-directory $(PARALLEL) build/emulated/device/show_bugs build/checked/device/show_bugs build/emulated-asan/device/show_bugs
	@tools/record $@ tools/bugs
experiments: $(if $(wildcard code/layers/tensor.cu),data/results/tensor_units.csv)
data/results/tensor_units.csv:
	@$(MAKE) --no-print-directory $(PARALLEL) build/checked/layers/show_tensor_units
	@UNITS_OF=build/checked/layers/show_tensor_units tools/record $@ tools/units
experiments: $(if $(wildcard code/device/sixteen.cu),data/results/step_units.csv)
data/results/step_units.csv:
	@$(MAKE) --no-print-directory $(PARALLEL) build/checked/training/show_step_units
	@tools/record $@ tools/step-units
experiments: $(if $(wildcard code/layers/attention16.cu),data/results/attention_units.csv)
data/results/attention_units.csv:
	@$(MAKE) --no-print-directory $(PARALLEL) build/checked/layers/show_attention_units
	@UNITS_OF=build/checked/layers/show_attention_units tools/record $@ tools/units
experiments: $(if $(wildcard code/boundary/cross.cu),data/results/crossing_units.csv data/results/boundary_units.csv)
data/results/crossing_units.csv:
	@$(MAKE) --no-print-directory $(PARALLEL) build/checked/boundary/show_crossing_units
	@UNITS_OF=build/checked/boundary/show_crossing_units tools/record $@ tools/units
experiments: $(if $(wildcard tests/layers/show_operand_units.c),data/results/operand_units.csv)
data/results/operand_units.csv:
	@$(MAKE) --no-print-directory $(PARALLEL) $(COUNTED)
	@tools/record $@ tools/operand-units
data/results/boundary_units.csv:
	@$(MAKE) --no-print-directory $(PARALLEL) $(COUNTED)
	@tools/record $@ tools/boundary-units
experiments: $(if $(wildcard tests/boundary/show_lazy_units.c),data/results/lazy_units.csv)
data/results/lazy_units.csv:
	@$(MAKE) --no-print-directory $(PARALLEL) build/checked/boundary/show_lazy_units
	@tools/record $@ tools/lazy-units
# What a step would take on GPUs: a model, no measurement.
MODELS := width streams tokens machines assumed bench claims
experiments: $(if $(wildcard tests/boundary/step_model.c),$(MODELS:%=data/results/step_model_%.csv))
$(MODELS:%=data/results/step_model_%.csv): data/results/step_model_%.csv:
	@$(MAKE) --no-print-directory $(PARALLEL) build/emulated/boundary/show_step_model
	@TABLE=$* tools/record $@ tools/step-model
# Over the depth of a trained model, the header from the runs.
DEPTHS := hc mhc identity
experiments: $(DEPTHS:%=data/results/depth_%.csv)
$(DEPTHS:%=data/results/depth_%.csv): data/results/depth_%.csv: | data/results/experiment.csv build/mhc
	@build/mhc gain build/experiment/deep-$*-1.safetensors --data data/persuasion.txt --windows 8 --out build/experiment/depth-$* > build/experiment/depth-$*.txt
	@{ sed -n '/^# [md]a/p' data/results/experiment.csv; echo '# command: make $@'; cat build/experiment/depth-$*.csv; } > $@.new && mv $@.new $@

bench: build/mhc
	@build/mhc bench $(ARGS)
	@$(if $(wildcard code/boundary/sweep.c),echo; build/mhc bench $(ARMS) $(ARGS))

clean:
	rm -rf build

# Fuzzers, for FUZZ_TIME seconds each; the lines that tests run ------------------

CLANG     ?= clang
FUZZ_TIME ?= 60
FUZZERS   := $(filter-out support,$(patsubst fuzz_%.c,%,$(notdir $(wildcard tests/*/fuzz_*.c))))
FUZZFLAGS := -std=c11 -D_GNU_SOURCE -Icode -Itests -g -O1 -fopenmp=libgomp -Wno-unknown-pragmas \
             -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ      := $(patsubst %.c,build/fuzz/%.o,$(LIBRARY) $(wildcard tests/support/cpu.c tests/support/fill.c tests/checkpoint/image.c tests/checkpoint/tiny.c tests/checkpoint/fuzz_support.c))
build/fuzz/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC fuzz $<"
	@$(CLANG) $(FUZZFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@
define fuzzer
build/fuzz/$(patsubst fuzz_%.c,%,$(notdir $(1))): $(1:%.c=build/fuzz/%.o) $$(FUZZ)
	@$$(CLANG) $$(FUZZFLAGS) -fsanitize=fuzzer $$^ -o $$@ -L$$$$(dirname $$$$($$(CC) -print-file-name=libgomp.so)) $$(LIBS)
endef
$(foreach f,$(filter-out %/fuzz_support.c,$(wildcard tests/*/fuzz_*.c)),$(eval $(call fuzzer,$(f))))
fuzz:
	@tools/need $(DEPS) $(PACKAGES) clang libclang-rt-14-dev
	@$(MAKE) --no-print-directory $(PARALLEL) $(FUZZERS:%=build/fuzz/%)
	@tools/fuzz $(FUZZ_TIME) $(FUZZERS)

# Everything fails once, and the program dies 200 times
FAULTS ?= 0
faults: build/mhc
	@tools/need $(DEPS) $(PACKAGES) strace
	@mkdir -p build/faults
	@$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O1 -g -shared -fPIC tests/checkpoint/preload_allocation.c -o build/faults/preload_allocation.so
	@tools/faults '$(FAULTS)'

sizes:
	@tools/sizes

coverage: build/coverage/test
	@find build/coverage -name '*.gcda' -delete
	@for s in safetensors durable checkpoint check; do build/coverage/test --fast $$s | tail -n 1; done
	@for f in safetensors durable checkpoint; do \
	  gcov -n -o build/coverage/code/checkpoint code/checkpoint/$$f.c | grep -A1 "File 'code/checkpoint/$$f.c'" | paste -sd' '; done
