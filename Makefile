# SPDX-License-Identifier: 0BSD
# mahatta. `make help` says what there is. GNU make 4.

LUA_VERSION ?= 5.4
PREFIX      ?= /usr/local
VECTORS     ?= ../shared/vectors
SEARCH_DEV  ?= ../shared/search/dev
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin AR),default)
AR := gcc-ar
endif
LUA      ?= lua$(LUA_VERSION)
BUSTED   ?= $(LUA) $(firstword $(wildcard /usr/bin/busted) busted) -o TAP
LUACHECK ?= luacheck
export VECTORS SEARCH_DEV LUA CC

# Quiet unless V=1.
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-8s %s\n' $(1) $(2))
ifndef V
MAKEFLAGS += --no-print-directory
endif

# --- what is built ---------------------------------------------------------

CORE_SRC := $(filter-out src/lua/%,$(wildcard src/*/*.c))
HTTP_SRC := src/lua/lhttp.c src/lua/lanswer.c
LUA_SRC  := $(filter-out $(HTTP_SRC),$(wildcard src/lua/*.c))
HEADERS  := $(wildcard src/*/*.h)
LUA_FILES := $(shell find lua -type f 2>/dev/null | sort)
C_TESTS  := $(wildcard tests/*/*_test.c)
C_TEST_HELP := $(filter-out %_test.c,$(wildcard tests/unit/*.c))
C_TOOLS  := $(wildcard tests/tools/*.c tests/interop/*_oracle.c)
C_BENCHES := $(wildcard tests/bench/*_bench.c)
SEARCH_BENCHES := $(wildcard tests/bench/search_*.c)
FUZZERS  := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
C_FILES  := $(HEADERS) $(CORE_SRC) $(LUA_SRC) $(HTTP_SRC) $(wildcard tests/*/*.[ch])

# --- flags -----------------------------------------------------------------

# LuaRocks gives the headers and not the version (its LUA_VERSION is empty),
# so the headers are asked, and each version has its own folder.
PKGS       := sqlite3 libsodium libcrypto libzstd libutf8proc \
  libqrencode libpng
LUA_CFLAGS ?= $(shell pkg-config --cflags lua$(LUA_VERSION) 2>/dev/null)
LUA_LIBS   ?= $(shell pkg-config --libs lua$(LUA_VERSION) 2>/dev/null)
DEP_CFLAGS ?= $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
DEP_LIBS   ?= $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lstemmer
HTTP_CFLAGS ?= $(shell pkg-config --cflags libmicrohttpd 2>/dev/null)
HTTP_LIBS  ?= $(shell pkg-config --libs libmicrohttpd 2>/dev/null)
LUA_NUM    := $(shell echo LUA_VERSION_NUM | \
  $(CC) -E -P -include lua.h $(LUA_CFLAGS) - 2>/dev/null | tail -n1)
LUA_DIR    := $(or $(patsubst 50%,5.%,$(filter 50%,$(LUA_NUM))),\
  $(LUA_VERSION))

# VARIANT: asan, tsan, fuzz, cover; each in its own folder, one per compiler.
VARIANT ?=
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
B := build/$(strip $(or $(VARIANT),$(LUA_DIR)))$(and $(IS_CLANG),-clang)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
  -Wwrite-strings -Wcast-qual -Wcast-align -Wundef -Wvla -Wpointer-arith \
  -Wformat=2 -Wswitch-enum -Wnull-dereference -Wdouble-promotion \
  -Wredundant-decls -Wnested-externs -Wframe-larger-than=16384
ifeq ($(IS_CLANG),)
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches
endif
# Warnings are errors here and in CI, not on a stranger's newer compiler.
ifeq ($(CI),true)
WERROR ?= 1
endif
WARN += $(if $(filter-out 0 no,$(WERROR)),-Werror)

SAN := -fsanitize=address,undefined -fno-sanitize-recover=all \
  -fno-omit-frame-pointer
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
ifeq ($(VARIANT),)
CFLAGS ?= -O2 -g
EXTRA  := $(HARDEN)
else ifeq ($(VARIANT),asan)
# Sanitizers bend the flow: warnings are for the plain builds.
WARN := -Wall
CFLAGS ?= -O1 -g
EXTRA  := $(SAN)
TEST_LD := $(SAN)
else ifeq ($(VARIANT),fuzz)
WARN := -Wall
CFLAGS ?= -O1 -g
EXTRA  := $(SAN) -fsanitize=fuzzer-no-link
TEST_LD := $(SAN)
else ifeq ($(VARIANT),tsan)
WARN := -Wall
CFLAGS ?= -O1 -g
EXTRA  := -fsanitize=thread -fno-omit-frame-pointer
TEST_LD := -fsanitize=thread
else ifeq ($(VARIANT),cover)
WARN := -Wall
CFLAGS ?= -O1 -g
# Counters lie in a shared file: those of who is killed are there, too.
EXTRA  := -fprofile-instr-generate -fcoverage-mapping \
  -mllvm -runtime-counter-relocation
TEST_LD := -fprofile-instr-generate
else
$(error VARIANT is asan, tsan, fuzz or cover)
endif

ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -Isrc -fPIC -fvisibility=hidden $(WARN) \
  $(EXTRA) $(DEP_CFLAGS) $(CFLAGS) $(CPPFLAGS)
# Some tests take the place of system calls: libraries have to see that.
TEST_CFLAGS := -Itests -Itests/unit -fvisibility=default
LIBFLAG  ?= -shared
# nodelete: hosts unload modules while their threads may still be inside.
CORE_LD  := -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now

CORE_OBJ := $(CORE_SRC:%.c=$(B)/%.o)
LUA_OBJ  := $(LUA_SRC:%.c=$(B)/%.o)
HTTP_OBJ := $(HTTP_SRC:%.c=$(B)/%.o)
LIB      := $(B)/libmahatta.a
CORE     := $(B)/mahatta/core.so
# The site's server: made where its library is, HTTP=no leaves it out.
HTTP     ?= $(shell pkg-config --exists libmicrohttpd 2>/dev/null || echo no)
HTTP_SO  := $(if $(filter no,$(HTTP)),,$(B)/mahatta/http.so)
TEST_BIN := $(C_TESTS:%.c=$(B)/%)
TOOL_BIN := $(C_TOOLS:%.c=$(B)/%)
BENCH_BIN := $(C_BENCHES:%.c=$(B)/%)
SEARCH_BIN := $(SEARCH_BENCHES:%.c=$(B)/%)
HELP_OBJ := $(C_TEST_HELP:%.c=$(B)/%.o)
REPLAY_BIN := $(FUZZERS:%=$(B)/tests/fuzz/%_replay)
FUZZ_BIN := $(FUZZERS:%=$(B)/tests/fuzz/%_fuzz)

export LUA_PATH  := ./lua/?.lua;./lua/?/init.lua;./tests/spec/?.lua;;
export LUA_CPATH := ./$(B)/?.so;;
# Where tests find programs that are built for them.
export BUILD_DIR := $(B)
export UBSAN_OPTIONS := print_stacktrace=1

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all lib core help demo demo-run test check setup setup-demo deps \
  unit spec format format-check tests-built bench bench-search screenshots \
  install uninstall clean FORCE

all: lib core $(HTTP_SO)
lib: $(LIB)
core: $(CORE)

# --- rules -----------------------------------------------------------------

FLAGS = $(CC) $(ALL_CFLAGS) $(LUA_CFLAGS) $(TEST_CFLAGS)

# Other flags or another compiler: everything is made again.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@

# As system headers: their macros are not ours to warn about.
$(B)/src/lua/%.o: private EXTRA += $(patsubst -I%,-isystem %,$(LUA_CFLAGS))
$(B)/tests/%.o: private EXTRA += $(TEST_CFLAGS)
# Programs that are hosts: they link Lua, and load the module as scripts do.
$(B)/tests/host/%.o: private EXTRA += $(patsubst -I%,-isystem %,$(LUA_CFLAGS))
$(B)/tests/host/%: private DEP_LIBS += $(LUA_LIBS) -pthread

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(CORE_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(CORE): $(LUA_OBJ) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LIBFLAG) $(CORE_LD) $(TEST_LD) $(LDFLAGS) -o $@ $^ $(DEP_LIBS)

$(HTTP_OBJ): private EXTRA += $(HTTP_CFLAGS)
$(B)/mahatta/http.so: $(HTTP_OBJ) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LIBFLAG) $(CORE_LD) $(TEST_LD) $(LDFLAGS) -o $@ $^ $(HTTP_LIBS)

$(TEST_BIN) $(BENCH_BIN) $(SEARCH_BIN) $(TOOL_BIN): $(B)/%: $(B)/%.o $(HELP_OBJ) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(TEST_LD) $(LDFLAGS) -o $@ $^ $(DEP_LIBS) -lm

# Whatever opens a store there gets one with the test in its door.
$(B)/tests/fault/station_ways_test: private LDFLAGS += \
  -Wl,--wrap=store_sqlite_open

# As a host without our link flags has it (LuaRocks asks for none): unloaded
# with its last state.
UNLOAD := $(B)/tests/host/unload/mahatta/core.so
$(UNLOAD): $(LUA_OBJ) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LIBFLAG) $(TEST_LD) $(LDFLAGS) -o $@ $^ $(DEP_LIBS)
$(B)/tests/host/host_test: | $(UNLOAD) core $(HTTP_SO)
$(B)/tests/host/memory_test $(B)/tests/host/threads_test: | core $(HTTP_SO)

$(REPLAY_BIN): $(B)/tests/fuzz/%_replay: $(B)/tests/fuzz/%_fuzz.o \
  $(B)/tests/fuzz/replay.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(TEST_LD) $(LDFLAGS) -o $@ $^ $(DEP_LIBS) -lm

$(FUZZ_BIN): $(B)/tests/fuzz/%_fuzz: $(B)/tests/fuzz/%_fuzz.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(TEST_LD) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(DEP_LIBS) -lm

# --- set-up, demo, test ----------------------------------------------------

DEPS_BUILD := gcc libc6-dev pkg-config lua5.4 liblua5.4-dev lua-filesystem \
  lua-dkjson lua-luv libsqlite3-dev \
  libsodium-dev libssl-dev libzstd-dev libutf8proc-dev libstemmer-dev \
  libqrencode-dev libpng-dev libmicrohttpd-dev
DEPS_DEMO  := debian-handbook iso-codes
DEPS_FUZZ  := clang libclang-rt-14-dev llvm
DEPS_WEB   := chromium fonts-noto-core libxml2-utils python3-feedparser \
  lighttpd lighttpd-modules-lua
DEPS_TEST  := lua-busted lua-check clang-format universal-ctags \
  sqlite3 sqlite-utils zstd debian-handbook iso-codes nodejs npm \
  python3-dissononce python3-zeroconf lua-socket lua-cqueues zbar-tools \
  poppler-utils unzip zip $(DEPS_WEB) $(DEPS_FUZZ)
DEPS_FULL  := wrk clang-tidy cppcheck valgrind libc6-dbg \
  g++ lua5.3 liblua5.3-dev luarocks git strace
DEPS_PEERS := g++ libxapian-dev
DEPS_ALL   := $(sort $(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST) $(DEPS_FULL) \
  $(DEPS_PEERS))

deps:
	@$(SET_UP) $(DEPS_ALL)
setup:
	@$(SET_UP) $(sort $(DEPS_BUILD) $(DEPS_TEST))
setup-demo:
	@$(SET_UP) $(sort $(DEPS_BUILD) $(DEPS_DEMO))
# SETUP=no where packages come from elsewhere.
SET_UP = $(if $(filter no,$(SETUP)),: ,sh tests/tools/deps.sh)

# A make of its own: what this one asked of pkg-config may be older than the
# packages.
demo: setup-demo
	@$(MAKE) demo-run
demo-run: all
	@FOLDER='$(FOLDER)' $(LUA) tests/tools/demo.lua

test: setup
	@$(MAKE) check

RUN_TESTS := $(LUA) tests/tools/run_tests.lua

# The scripts of a folder under tests/: *_test.lua, *_test.sh, *_test.mjs.
scripts = $(sort $(foreach d,$(1),$(wildcard tests/$(d)/*_test.lua \
  tests/$(d)/*_test.sh tests/$(d)/*_test.mjs)))

HOUSE := '=$(LUA) tests/tools/floors.lua' '=$(LUA) tests/tools/lengths.lua' \
  '=$(LUA) tests/tools/banned.lua' '=$(LUA) tests/tools/threats.lua' \
  '=$(LUACHECK) -q --no-color .' \
  '=$(MAKE) -s format-check' '=sh tests/tools/exports.sh $(CORE) $(HTTP_SO)' \
  '=$(B)/tests/tools/gear | cmp - src/form/chunk_tab.h'
SPEC := $(and $(wildcard tests/spec/*_spec.lua),'$(BUSTED)')
PARTS := @house $(HOUSE) @tools $(call scripts,tools) \
  @unit $(filter $(B)/tests/unit/%,$(TEST_BIN)) \
  @vectors $(filter $(B)/tests/vectors/%,$(TEST_BIN)) \
    $(call scripts,vectors) \
  @spec $(SPEC) \
  @fault $(filter $(B)/tests/fault/%,$(TEST_BIN)) $(call scripts,fault) \
  @sim $(filter $(B)/tests/sim/%,$(TEST_BIN)) $(call scripts,sim) \
  @host $(filter $(B)/tests/host/%,$(TEST_BIN)) $(call scripts,host) \
  @web $(call scripts,web) $(and $(wildcard tests/web/*_npm.*),\
    "sh tests/tools/npm.sh tests/web '*_npm.*'") \
  @interop $(and $(wildcard tests/interop/*_test.*),\
    "sh tests/tools/npm.sh tests/interop '*_test.*'")

# Every fuzzer's kept inputs, through the targets built in folder $(1).
replays = $(foreach t,$(FUZZERS),\
  '$(1)/tests/fuzz/$(t)_replay tests/fuzz/corpus/$(t)')

tests-built: all $(TEST_BIN) $(TOOL_BIN)

# Kept inputs are replayed under sanitizers, and then each target is fuzzed for
# a moment, two at a time: that is a second build.
FUZZ_B := build/fuzz-clang
check: tests-built
	@$(MAKE) VARIANT=fuzz CC=clang fuzz-built
	@$(RUN_TESTS) build/log $(PARTS) @replay $(call replays,$(FUZZ_B)) \
	  @fuzz 'SEED=1 $(LUA) tests/tools/fuzz.lua $(FUZZ_B) 20 2 $(FUZZERS)'

unit: $(filter $(B)/tests/unit/%,$(TEST_BIN))
	@$(RUN_TESTS) build/log @unit $^
spec: all
	@$(RUN_TESTS) build/log @spec $(SPEC)

# --- the rest --------------------------------------------------------------

format:
	clang-format -i $(C_FILES)
format-check:
	@mkdir -p $(B)
	@clang-format --dry-run -Werror $(C_FILES) 2>$(B)/format.log || { \
	  sed -n '/:.*error:/s/:[0-9].*should be.*/: not formatted/p; 1p' \
	    $(B)/format.log | sort -u; exit 1; }

# Pictures of every page of the site, to be looked at.
screenshots: all
	@cd tests/web && npm ci --ignore-scripts --no-audit --no-fund >/dev/null
	@node tests/web/screenshots.mjs build/screenshots

bench: all $(BENCH_BIN) $(B)/tests/tools/floor
	@for b in $(BENCH_BIN); do echo "== $$b"; $$b || exit 1; done
	@for b in $(wildcard tests/bench/*_bench.lua); do \
	  echo "== $$b"; $(LUA) $$b || exit 1; done

# Quality and speed of search, on collections that lie in $(SEARCH_DEV).
# Xapian comes beside it where Debian's package is: N is how many passages.
bench-search: all $(SEARCH_BIN)
	@$(SET_UP) $(DEPS_PEERS)
	@if command -v xapian-config >/dev/null; then \
	  $(MAKE) -s $(B)/tests/bench/search_xapian; fi
	@for b in $(SEARCH_BIN); do echo "== $$b"; \
	  case $$b in *_speed) $$b $(or $(N),100000);; *) $$b;; esac || exit 1; done

$(B)/tests/bench/search_xapian: tests/bench/search_xapian.cc
	$(call say,CXX,$<)
	$(Q)$(CXX) -std=c++17 -O2 -Wall -Wextra $$(xapian-config --cxxflags) \
	  -o $@ $< $$(xapian-config --libs)

INST_LIBDIR ?= $(PREFIX)/lib/lua/$(strip $(LUA_DIR))
INST_LUADIR ?= $(PREFIX)/share/lua/$(strip $(LUA_DIR))
INST_BINDIR ?= $(PREFIX)/bin

install: all
	install -d '$(DESTDIR)$(INST_LIBDIR)/mahatta'
	install -m 755 $(CORE) $(HTTP_SO) '$(DESTDIR)$(INST_LIBDIR)/mahatta'
	@for f in $(LUA_FILES:lua/%=%); do \
	  install -D -m 644 "lua/$$f" '$(DESTDIR)$(INST_LUADIR)'"/$$f" || exit 1; \
	done
	$(if $(INST_BINDIR),install -d '$(DESTDIR)$(INST_BINDIR)')
	$(if $(INST_BINDIR),$(LUA) tests/tools/launcher.lua '$(INST_LUADIR)' \
	  '$(INST_LIBDIR)' >'$(DESTDIR)$(INST_BINDIR)/mahatta')
	$(if $(INST_BINDIR),chmod 755 '$(DESTDIR)$(INST_BINDIR)/mahatta')

uninstall:
	rm -f '$(DESTDIR)$(INST_LIBDIR)/mahatta/core.so' \
	  '$(DESTDIR)$(INST_LIBDIR)/mahatta/http.so'
	rm -f '$(DESTDIR)$(INST_BINDIR)/mahatta'
	rm -f $(LUA_FILES:lua/%='$(DESTDIR)$(INST_LUADIR)/%')
	-find '$(DESTDIR)$(INST_LUADIR)/mahatta' \
	  '$(DESTDIR)$(INST_LIBDIR)/mahatta' -depth -type d -empty -delete

clean:
	rm -rf build compile_commands.json

help:
	@sed -n 's/^#: //p' $(MAKEFILE_LIST)
#: make               build/5.4/mahatta/core.so and libmahatta.a
#: make demo          set up, build, and show it at work (FOLDER=where)
#: make test          set up, build, and run every quick check
#: make check         the same without the set-up
#: make check-all     all of it again under sanitizers, both compilers,
#:                    valgrind, analyzers, fuzzers, LuaRocks; takes long
#: make unit, spec    only these tests; VARIANT=asan under sanitizers
#: make mutants       take checks out, one at a time: a test must fail
#: make fuzz          fuzz all targets; T=cbor SECS=60 JOBS=2 say which, how
#:                    long each, how many at a time; tests/fuzz/README.md
#: make bench         figures: speed
#: make cover         which ways through the core the tests take; only some:
#:                    ONLY='noise_test cli_spec'; the others: SHOW=src/sync
#: make bench-search  figures of search: what is found, and how fast
#: make screenshots   the site's pages as pictures, in build/screenshots
#: make install       PREFIX= DESTDIR= INST_LIBDIR= INST_LUADIR= INST_BINDIR=
#: make uninstall     with the same variables
#: make deps          install every Debian package that any target needs
#: make format        clang-format on all C files
#: make clean         remove build/
#: V=1 shows commands, CC=clang and LUA_VERSION=5.3 do what they say,
#: WERROR=1 makes warnings errors, SETUP=no skips the set-up.

include tests/tools/full.mk

-include $(CORE_OBJ:.o=.d) $(LUA_OBJ:.o=.d) $(HTTP_OBJ:.o=.d) \
  $(wildcard $(B)/tests/*/*.d)
