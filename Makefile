# SPDX-License-Identifier: Apache-2.0
# Builds, tests and installs sesstap. Everything made goes to $(BUILD); `make help` lists the targets.
# Switches: V=1 shows commands, ONLY=word takes the tests whose name holds the word, BUILD=dir builds elsewhere,
# CC=clang, BPF_CLANG=clang-14, WITH_ZSTD=0 (see OPTIONAL), FUZZ_SECONDS=n, PREFIX=dir, DESTDIR=dir, LANES=n tests at a time.

# Optional libraries, NAME:pkg-config-name. Each is on when pkg-config finds it: HAVE_<NAME> is then defined.
# WITH_<NAME>=0 leaves it out, WITH_<NAME>=1 insists on it. What no object uses is not linked.
OPTIONAL := ZSTD:libzstd PCAP:libpcap NDPI:libndpi HTP:htp NGHTTP2:libnghttp2 BROTLI:libbrotlidec JANSSON:jansson \
    DEFLATE:libdeflate LDNS:ldns
REQUIRED := libbpf libelf zlib libcrypto

BUILD        := build
PREFIX       ?= /usr/local
FUZZ_SECONDS ?= 60
LANES        ?= 2
BPF_CLANG    ?= clang
BPFTOOL      ?= bpftool
FUZZ_CC      ?= $(BPF_CLANG)
CFLAGS       ?= -O2 -g
ifeq ($(origin CC),default)
CC := gcc
endif

export PATH := $(PATH):/usr/sbin:/sbin
MAKEFLAGS += --no-print-directory -r
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s%s\n' '$(1)' '$(@:$(BUILD)/%=%)')

# ---- what there is

ARCH     := $(shell uname -m)
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(ARCH)))

BPF_SRC     := $(wildcard bpf/*.bpf.c tests/*/*.bpf.c)
USER_SRC    := $(sort $(shell find user -name '*.c'))
UNIT_SRC    := $(wildcard tests/unit/test_*.c)
KERNEL_SRC  := $(wildcard tests/kernel/test_*.c)
FUZZ_SRC    := $(wildcard tests/fuzz/fuzz_*.c)
# In e2e, golden and bench each file with a main is a program of its own.
PROGRAM_SRC := $(shell grep -ls '^int main\b' $(filter-out %.bpf.c,$(wildcard tests/e2e/*.c tests/golden/*.c tests/bench/*.c)))
# What is no program is shared: all test programs may use it, those under sanitizers what is in tests/ and tests/unit/.
SHARED_SRC  := $(filter-out %.bpf.c $(UNIT_SRC) $(KERNEL_SRC) $(PROGRAM_SRC) $(FUZZ_SRC),$(wildcard tests/*.c tests/*/*.c))
ENGINE_SRC  := $(filter-out user/main.c,$(USER_SRC))
SANE_SRC    := $(ENGINE_SRC) $(filter $(wildcard tests/*.c tests/unit/*.c tests/fuzz/*.c),$(SHARED_SRC))
# No fuzzer reaches the subcommands, the host, the kernel or the screen: they are not compiled a third time.
FUZZED_SRC  := $(filter-out user/cmd/% user/host/% user/source/live/% user/sink/screen%,$(SANE_SRC))

skeleton_of = $(BUILD)/gen/$(patsubst %.bpf.c,%.skel.h,$(notdir $(1)))
BPF_OBJ     := $(BPF_SRC:%.c=$(BUILD)/%.o)
SKELETONS   := $(foreach s,$(filter bpf/%,$(BPF_SRC)),$(call skeleton_of,$(s)))
TEST_SKELS  := $(foreach s,$(filter tests/%,$(BPF_SRC)),$(call skeleton_of,$(s)))

# $(call picked,programs): those that ONLY leaves
picked = $(if $(ONLY),$(foreach p,$(1),$(if $(findstring $(ONLY),$(notdir $(p))),$(p))),$(1))
UNIT     := $(call picked,$(UNIT_SRC:%.c=$(BUILD)/asan/%))
KERNEL   := $(call picked,$(KERNEL_SRC:%.c=$(BUILD)/%))
FUZZ     := $(call picked,$(FUZZ_SRC:%.c=$(BUILD)/fuzz/%))
PROGRAMS := $(PROGRAM_SRC:%.c=$(BUILD)/%)
BENCH    := $(filter $(BUILD)/tests/bench/%,$(PROGRAMS))
PEERS    := $(filter $(BUILD)/tests/e2e/%,$(PROGRAMS))
E2E      := $(call picked,$(filter-out %/lib.sh,$(wildcard tests/e2e/*.sh)))
VM       := $(wildcard tests/vm/*.sh)
GOLDEN   := $(call picked,$(wildcard tests/golden/run.sh))

# ---- flags

name_of = $(word 1,$(subst :, ,$(1)))
pc_of   = $(word 2,$(subst :, ,$(1)))
$(foreach l,$(OPTIONAL),$(eval WITH_$(call name_of,$(l)) ?= \
    $(shell pkg-config --exists $(call pc_of,$(l)) 2>/dev/null && echo 1)))
USED      := $(foreach l,$(OPTIONAL),$(if $(filter 1,$(WITH_$(call name_of,$(l)))),$(l)))
$(foreach l,$(USED),$(if $(shell pkg-config --exists $(call pc_of,$(l)) && echo 1),,\
    $(error WITH_$(call name_of,$(l))=1, but pkg-config finds no $(call pc_of,$(l)))))
USED_PC   := $(REQUIRED) $(foreach l,$(USED),$(call pc_of,$(l)))
PC_CFLAGS := $(shell pkg-config --cflags $(USED_PC) 2>/dev/null)
PC_LIBS   := $(shell pkg-config --libs $(USED_PC) 2>/dev/null)
CMOCKA    := $(shell pkg-config --libs cmocka 2>/dev/null)

WARN     := -Wall -Wextra -Werror
DEPS     := -MMD -MP
INCLUDES := -Iinclude -Iuser -Itests -I$(BUILD)/gen
C_FLAGS  := -std=gnu11 -D_GNU_SOURCE -pthread $(WARN) $(INCLUDES) $(PC_CFLAGS) \
            $(foreach l,$(USED),-DHAVE_$(call name_of,$(l)))
LINK     := $(LDFLAGS) -pthread -Wl,--as-needed
LIBS     := $(PC_LIBS) -lm
ASAN     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZING  := $(ASAN) -DFUZZING
BPF_FLAGS := -O2 -g -target bpf -mcpu=v3 -std=gnu11 -D__TARGET_ARCH_$(BPF_ARCH) $(WARN) \
             -Iinclude -Ibpf -Ivmlinux/$(ARCH) -Ivmlinux

# ---- the program

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

all: $(BUILD)/sesstap ## build/sesstap, the one binary (default)

$(BUILD)/sesstap: $(USER_SRC:%.c=$(BUILD)/obj/%.o) $(BUILD)/gen/sources
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LINK) -o $@ $(filter %.o,$^) $(LIBS)

# Debug information goes, BTF stays; without llvm-strip the object is only larger.
$(BUILD)/%.bpf.o: %.bpf.c $(BUILD)/gen/flags
	$(call say,BPF)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_FLAGS) $(DEPS) -c -o $@ $<
	$(Q)strip=$$(command -v llvm-strip llvm-strip-14 | head -n 1); [ -z "$$strip" ] || $$strip -g $@

define skeleton_rule
$(call skeleton_of,$(1)): $(BUILD)/$(1:.c=.o)
	$$(call say,SKEL)
	@mkdir -p $$(@D)
	$$(Q)$$(BPFTOOL) gen skeleton $$< >$$@
endef
$(foreach s,$(BPF_SRC),$(eval $(call skeleton_rule,$(s))))

# $(call compile_rule,directory,compiler,flags,sources): objects, and an archive of all that tests may link
define compile_rule
$(BUILD)/$(1)/%.o: %.c $(BUILD)/gen/flags | $(SKELETONS) $(BUILD)/gen/version.h
	$$(call say,CC)
	@mkdir -p $$(@D)
	$$(Q)$(2) $(C_FLAGS) $(3) $(DEPS) -c -o $$@ $$<

$(BUILD)/$(1)/libsesstap.a: $(4:%.c=$(BUILD)/$(1)/%.o) $(BUILD)/gen/sources
	$$(call say,AR)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(eval $(call compile_rule,obj,$(CC),$(CFLAGS),$(ENGINE_SRC) $(SHARED_SRC)))
$(eval $(call compile_rule,asan,$(CC),$(ASAN),$(SANE_SRC)))
$(eval $(call compile_rule,fuzz,$(FUZZ_CC),$(FUZZING) -fsanitize=fuzzer-no-link,$(FUZZED_SRC)))

# $(call keep_if_same,text): writes the target only when its text changes
keep_if_same = @mkdir -p $(@D); printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' >$@
VERSION := $(shell git -c safe.directory='*' describe --always --dirty 2>/dev/null || echo unknown)
$(BUILD)/gen/version.h: FORCE
	$(call keep_if_same,#define SESSTAP_VERSION "$(VERSION)")
$(BUILD)/gen/flags: FORCE
	@command -v $(BPF_CLANG) >/dev/null && command -v $(BPFTOOL) >/dev/null && pkg-config --exists $(REQUIRED) || \
	    { echo 'Something to build with is missing; scripts/deps.sh installs it.' >&2; exit 1; }
	$(call keep_if_same,$(CC) $(CFLAGS) $(C_FLAGS) $(LINK) $(LIBS) $(ASAN) $(FUZZ_CC) $(BPF_CLANG) $(BPF_FLAGS))
$(BUILD)/gen/sources: FORCE
	$(call keep_if_same,$(USER_SRC) $(SHARED_SRC))
FORCE:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- tests

$(UNIT): $(BUILD)/asan/%: $(BUILD)/asan/%.o $(BUILD)/asan/libsesstap.a
	$(call say,LINK)
	$(Q)$(CC) $(ASAN) $(LINK) -o $@ $^ $(CMOCKA) $(LIBS)

# Peers of e2e are one file and none of ours: the demo of `make run` has one, on machines without what tests need.
$(PEERS): $(BUILD)/%: $(BUILD)/obj/%.o
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LINK) -o $@ $< $(LIBS)

$(KERNEL) $(filter-out $(PEERS),$(PROGRAMS)): $(BUILD)/%: $(BUILD)/obj/%.o $(BUILD)/obj/libsesstap.a
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LINK) -o $@ $^ $(CMOCKA) $(LIBS)

$(FUZZ): $(BUILD)/fuzz/%: $(BUILD)/fuzz/%.o $(BUILD)/fuzz/libsesstap.a
	$(call say,LINK)
	$(Q)$(FUZZ_CC) $(FUZZING) -fsanitize=fuzzer $(LINK) -o $@ $^ $(LIBS)

$(patsubst %.c,$(BUILD)/obj/%.o,$(KERNEL_SRC) $(filter-out tests/e2e/%,$(PROGRAM_SRC)) $(SHARED_SRC)): | $(TEST_SKELS)

check-fuzz check-all: FUZZ_SECONDS := 3

# One -j for a make that was called without it.
jobs = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
run_tests = @BUILD=$(BUILD) LANES=$(LANES) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run.sh

run: ## install what is missing, build, and show this host's sessions (or a demo's)
	@scripts/deps.sh build demo
	@$(MAKE) $(jobs) all
	@scripts/run.sh

test: ## install what is missing, build, run every test; last line: N passed, N failed
	@scripts/deps.sh build test vm || { echo '0 passed, 1 failed'; exit 1; }
	@$(MAKE) $(jobs) test-programs || { echo 'FAIL build'; echo '0 passed, 1 failed'; exit 1; }
	@$(MAKE) check-all

test-programs: all $(UNIT) $(KERNEL) $(PROGRAMS) $(BPF_OBJ) $(FUZZ) ## build every test and run none

# The machine comes first, as it takes longest, with what waits for nobody beside it.
check-all: test-programs ## every test there is, without looking at what is installed
	$(run_tests) $(if $(ONLY),,$(VM)) $(UNIT) $(FUZZ) $(GOLDEN) $(KERNEL) $(E2E)

check: $(UNIT) ## unit tests under ASan and UBSan; needs no root
	$(run_tests) $(UNIT)

check-kernel: $(KERNEL) ## the BPF programs packet by packet, by BPF_PROG_TEST_RUN; needs root
	$(run_tests) $(KERNEL)

check-e2e: all $(PROGRAMS) $(BPF_OBJ) ## real clients and servers in network namespaces; needs root
	$(run_tests) $(E2E)

check-vm: all $(KERNEL) $(PROGRAMS) $(BPF_OBJ) ## some tests (ALL=1: all) under Debian's 6.1 kernel in qemu; needs root
	@ALL=$(ALL) ONLY=$(ONLY) BUILD=$(BUILD) $(if $(ALL)$(ONLY),TIME_FACTOR=8) tests/run.sh $(VM)

check-golden: all $(PROGRAMS) ## known input, command, expected output
	$(run_tests) $(GOLDEN)

CORPUS_TESTS := $(filter tests/e2e/corpus_% %/index.sh %/read_back.sh %/list_sums.sh,$(E2E))
check-corpus: all $(PROGRAMS) ## what goes over ../shared/corpus, every file of it; make test takes a part
	@PROTOCOLS_STEP=1 STREAMS_A_FILE=10 BUILD=$(BUILD) LANES=$(LANES) TIME_FACTOR=4 tests/run.sh $(CORPUS_TESTS)

check-fuzz fuzz: $(FUZZ)
	$(run_tests) $(FUZZ)
check-fuzz: ## every fuzzer for 3 seconds
fuzz: ## every fuzzer for FUZZ_SECONDS (60); finds stay in build/fuzz

bench: ## install what is missing, build, and measure: the figures of docs/performance.md
	@scripts/deps.sh build bench
	@$(MAKE) $(jobs) bench-programs
	@BUILD=$(BUILD) tests/bench/run.sh

bench-programs: all $(BENCH) $(BPF_OBJ)

lint: $(SKELETONS) $(BUILD)/gen/version.h ## format, scripts, man pages, headers alone, layers
	@scripts/deps.sh lint
	@CC='$(CC)' C_FLAGS='$(C_FLAGS)' BPF_CLANG='$(BPF_CLANG)' BPF_FLAGS='$(BPF_FLAGS)' scripts/lint.sh

format: ## apply .clang-format to every C file
	@find bpf include user tests -name '*.[ch]' -exec clang-format -i {} +

# ---- the rest

MAN := $(wildcard docs/*.1 docs/*.8)
man_dir = $(DESTDIR)$(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(1)))

install: all ## copy binary and man pages below DESTDIR and PREFIX (/usr/local)
	install -D -m 755 $(BUILD)/sesstap $(DESTDIR)$(PREFIX)/bin/sesstap
	$(foreach m,$(MAN),install -D -m 644 $(m) $(call man_dir,$(m))/$(notdir $(m)) &&) :

uninstall: ## remove what install copied
	rm -f $(DESTDIR)$(PREFIX)/bin/sesstap $(foreach m,$(MAN),$(call man_dir,$(m))/$(notdir $(m)))

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):[^#]*## /\1\t/p' Makefile | awk -F'\t' '{ printf "  %-14s %s\n", $$1, $$2 }'

.PHONY: all run test test-programs check-all check check-kernel check-e2e check-vm check-golden check-corpus check-fuzz fuzz \
        bench bench-programs lint format install uninstall clean help FORCE
