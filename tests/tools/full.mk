# SPDX-License-Identifier: 0BSD
# What takes long: sanitizers, analyzers, fuzzing, coverage, LuaRocks.

.PHONY: check-all mutants asan asan-run tsan tsan-run fuzz fuzz-built fuzz-run \
  fuzz-plants fuzz-plants-run fuzz-cover fuzz-cover-run \
  host-plants host-plants-run tidy \
  analyze headers valgrind cover cover-run rock lua53

# --- sanitizers ------------------------------------------------------------

# Preloaded into Debian's lua: it has no sanitizers of its own. Only gcc's
# runtime is a shared library by default.
PRELOAD = env LD_PRELOAD=$(shell $(CC) -print-file-name=libasan.so)
SAN_SPEC = $(if $(IS_CLANG),,$(and $(SPEC),'$(PRELOAD) $(BUSTED)'))
export ASAN_OPTIONS := detect_leaks=1:handle_abort=1:strict_string_checks=1

asan:
	@$(MAKE) VARIANT=asan asan-run
asan-run: all $(TEST_BIN) $(REPLAY_BIN)
	@$(RUN_TESTS) $(B)/log @unit $(TEST_BIN) @spec $(SAN_SPEC) \
	  @replay $(call replays,$(B))

# Threads that have a state each.
tsan:
	@$(MAKE) VARIANT=tsan tsan-run
tsan-run: all $(B)/tests/host/threads_test
	@TSAN_OPTIONS=exitcode=66 $(RUN_TESTS) $(B)/log \
	  @tsan $(B)/tests/host/threads_test

# Each host test notices a bug in the bindings.
host-plants:
	@$(MAKE) VARIANT=asan CC=gcc host-plants-run
host-plants-run: all $(filter $(B)/tests/host/%,$(TEST_BIN))
	@COMPILE='$(CC) $(ALL_CFLAGS) $(LUA_CFLAGS) $(HTTP_CFLAGS)' \
	  LINK='$(CC) $(CORE_LD) $(TEST_LD)' LIBS='$(DEP_LIBS) $(HTTP_LIBS)' \
	  BUSTED='$(BUSTED)' $(LUA) tests/host/plants.lua $(B) $(T)

# --- fuzzing ---------------------------------------------------------------

# One target, or several, or all: T. Needs clang, which the set-up installs.
SECS ?= 60
JOBS ?= 1
FUZZ_T := $(or $(T),$(FUZZERS))
fuzz:
	$(foreach t,$(FUZZ_T),$(if $(filter $(t),$(FUZZERS)),,\
	  $(error T is of: $(FUZZERS))))
	@$(SET_UP) $(sort $(DEPS_BUILD) $(DEPS_FUZZ))
	@$(MAKE) VARIANT=fuzz CC=clang FUZZERS='$(FUZZ_T)' fuzz-run
fuzz-built: $(FUZZ_BIN) $(REPLAY_BIN)
fuzz-run: $(FUZZ_BIN)
	@$(LUA) tests/tools/fuzz.lua $(B) $(SECS) $(JOBS) $(FUZZERS)

# Each target again, with a bug put into what it is to look after.
fuzz-plants:
	@$(MAKE) VARIANT=fuzz CC=clang fuzz-plants-run
fuzz-plants-run: $(FUZZ_BIN)
	@COMPILE='$(CC) $(ALL_CFLAGS)' LINK='$(CC) $(TEST_LD) -fsanitize=fuzzer' \
	  LIBS='$(DEP_LIBS)' $(LUA) tests/fuzz/plants.lua $(B) $(T)

# --- checks taken out ---

# N="3 7" for some of them.
mutants: tests-built
	@$(LUA) tests/tools/mutants.lua $(N)

# What each target's kept inputs reach: files of which less than a third of the
# functions ran are left out.
fuzz-cover:
	@$(MAKE) VARIANT=cover CC=clang FUZZERS='$(FUZZ_T)' fuzz-cover-run
fuzz-cover-run: $(REPLAY_BIN)
	@for t in $(FUZZERS); do \
	  f=$(B)/tests/fuzz/$${t}_replay; \
	  LLVM_PROFILE_FILE=$(B)/fuzz-$$t.profraw $$f tests/fuzz/corpus/$$t \
	    >/dev/null || exit 1; \
	  llvm-profdata merge -o $(B)/fuzz-$$t.profdata $(B)/fuzz-$$t.profraw; \
	  echo "== $$t"; \
	  llvm-cov report $$f -instr-profile=$(B)/fuzz-$$t.profdata \
	    -show-branch-summary $(CORE_SRC) | awk '/\.c / && $$7 + 0 >= 33 \
	      { printf "%-28s %8s of functions %8s of lines %8s of branches\n", \
	        $$1, $$7, $$10, $$13 }'; \
	done

# --- analyzers -------------------------------------------------------------

TIDY_FLAGS = -std=c11 -D_GNU_SOURCE -Isrc $(LUA_CFLAGS) $(DEP_CFLAGS) \
  $(HTTP_CFLAGS)
KNOWN_ERR = -include tests/tools/analyzer.h
TIDY_SRC = $(filter-out src/base/err.c,$(CORE_SRC) $(LUA_SRC) $(HTTP_SRC))

# One file a run: with more, this version invents faults with va_list.
tidy:
	@clang-tidy --quiet src/base/err.c -- $(TIDY_FLAGS)
	@printf '%s\n' $(TIDY_SRC) | xargs -P 2 -I @ sh -c \
	  'clang-tidy --quiet @ -- $(TIDY_FLAGS) $(KNOWN_ERR) 2>&1 | \
	  { ! grep -vE "^[0-9]+ warnings? (generated|treated)|^Suppressed"; }'

# cppcheck takes an unset variable that is lent for output for one that is read:
# valgrind and the compilers look after those.
analyze:
	@printf '%s\n' $(TIDY_SRC) | xargs -P 2 -I @ \
	  gcc $(TIDY_FLAGS) $(KNOWN_ERR) -O1 -fanalyzer -Werror -c -o /dev/null @
	@cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr \
	  --enable=warning,performance,portability -D_GNU_SOURCE \
	  -D__GNUC__=12 --suppress=missingIncludeSystem \
	  --suppress=uninitvar --suppress=ctuuninitvar -Isrc src

# Each header stands alone, in C11 and in C++.
headers:
	@for h in $(HEADERS:src/%=%); do \
	  echo "#include \"$$h\"" | gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra \
	    -Wpedantic -Werror -fsyntax-only -Isrc $(LUA_CFLAGS) -x c - \
	    || { echo "$$h: not alone in C"; exit 1; }; \
	  echo "#include \"$$h\"" | g++ -std=c++17 -D_GNU_SOURCE -Wall -Werror \
	    -D_Static_assert=static_assert -fsyntax-only -Isrc $(LUA_CFLAGS) \
	    -x c++ - || { echo "$$h: not alone in C++"; exit 1; }; \
	done

VALGRIND := valgrind -q --error-exitcode=9 --leak-check=full \
  --show-leak-kinds=definite,indirect \
  --errors-for-leak-kinds=definite,indirect
valgrind: $(TEST_BIN)
	@$(RUN_TESTS) $(B)/log-valgrind @valgrind \
	  $(foreach t,$(filter $(B)/tests/unit/%,$(TEST_BIN)),'$(VALGRIND) $(t)')

# --- coverage --------------------------------------------------------------

# Whole: every test that runs the core, then cover.lua's verdict. ONLY="noise
# cli_spec corpus/cbor" adds the tests with these words in their path to what
# ran before, and judges nothing. SHOW=src/sync lists what no test has taken.
cover:
	@$(MAKE) VARIANT=cover CC=clang cover-run

with_words = $(strip $(foreach x,$(1),$(if $(strip $(foreach w,$(2),\
  $(findstring $(w),$(x)))),$(x))))
ALL_SPECS := $(sort $(wildcard tests/spec/*_spec.lua))
ifdef ONLY
COVER_BIN  := $(call with_words,$(TEST_BIN),$(ONLY))
COVER_SPEC := $(call with_words,$(ALL_SPECS),$(ONLY))
COVER_FUZZ := $(patsubst corpus/%,%,$(call with_words,\
  $(FUZZERS:%=corpus/%),$(ONLY)))
COVER_SCRIPTS := $(call with_words,$(call scripts,sim host fault web),$(ONLY))
else
COVER_BIN  := $(TEST_BIN)
COVER_SPEC := $(ALL_SPECS)
COVER_FUZZ := $(FUZZERS)
COVER_SCRIPTS := $(call scripts,sim host fault web)
endif
# A few worlds show the ways that hundreds take; all calls that may fail.
SIM_BIN = $(B)/tests/sim/sync_test
FAULT_BIN = $(B)/tests/fault/station_fault_test
WAYS_BIN = $(B)/tests/fault/station_ways_test
COVER_PARTS = @C $(patsubst $(SIM_BIN),'$(SIM_BIN) 1-40',\
    $(patsubst $(FAULT_BIN),'$(FAULT_BIN) all',\
    $(patsubst $(WAYS_BIN),'$(WAYS_BIN) all',$(COVER_BIN)))) \
  @spec $(and $(COVER_SPEC),'$(BUSTED) $(COVER_SPEC)') \
  @scripts $(COVER_SCRIPTS) \
  @replay $(foreach t,$(COVER_FUZZ),\
    '$(B)/tests/fuzz/$(t)_replay tests/fuzz/corpus/$(t)')

# The module holds all of the core: the counters of every other program are
# found by its map. A test that fails is told, and fails this at its end.
cover-run: all $(TOOL_BIN) $(COVER_BIN) \
  $(COVER_FUZZ:%=$(B)/tests/fuzz/%_replay)
	@rm -rf $(B)/raw $(if $(ONLY),,$(B)/cover.profdata)
	@failed=0; \
	LLVM_PROFILE_FILE=$(CURDIR)/$(B)/raw/%c%m.profraw \
	  $(RUN_TESTS) $(B)/log $(COVER_PARTS) || failed=1; \
	llvm-profdata merge -failure-mode=all -o $(B)/new.profdata \
	  $$(find $(B) -name 'cover.profdata') $(B)/raw/*.profraw && \
	mv $(B)/new.profdata $(B)/cover.profdata && \
	for so in $(CORE) $(HTTP_SO); do \
	  llvm-cov export -instr-profile=$(B)/cover.profdata $$so \
	    >$$so.json || exit 1; \
	done && \
	$(LUA) tests/tools/cover.lua $(and $(ONLY),--part) --show='$(SHOW)' \
	  $(CORE:%=%.json) $(HTTP_SO:%=%.json) && exit $$failed

# --- packages --------------------------------------------------------------

# LuaRocks, offline, from a copy of the tree, for the Lua of DEPS_BUILD.
rock:
	@sh tests/tools/rock.sh

lua53:
	@$(MAKE) LUA_VERSION=5.3 WERROR=1 all
	@LUA_CPATH='./build/5.3/?.so;;' lua5.3 -e 'require "mahatta.core"'

# --- all -------------------------------------------------------------------

SIM := build/$(LUA_DIR)/tests/sim/sync_test

FULL := @gcc '$(MAKE) WERROR=1 CC=gcc check' \
  @asan '$(MAKE) asan CC=gcc' '$(MAKE) asan CC=clang' \
  @tsan '$(MAKE) tsan CC=gcc' \
  @clang '$(MAKE) WERROR=1 CC=clang unit' '=$(MAKE) WERROR=1 CC=clang all' \
  @hostile 'HOSTILE_SKETCHES=10000000 \
    build/$(LUA_DIR)/tests/fault/sketch_hostile_test' \
  @power 'CUT_STATES=1150000 \
    build/$(LUA_DIR)/tests/fault/power_cut_test' \
  'CUT_STATES=100000 build/$(LUA_DIR)/tests/fault/power_cut_station_test' \
  'KILLS=1000 build/$(LUA_DIR)/tests/fault/kill_many_test' \
  'FAULT_ALL=1 build/$(LUA_DIR)/tests/fault/station_fault_test' \
  'FAULT_ALL=1 build/$(LUA_DIR)/tests/fault/station_ways_test' \
  'DAMAGE=all build/$(LUA_DIR)/tests/fault/carry_damage_test' \
  'FLOOD=1000000 build/$(LUA_DIR)/tests/fault/flood_test' \
  @mutants '$(MAKE) CC=gcc mutants' \
  @web 'MUTANTS=20000 node tests/web/http_test.mjs' \
    "FULL=1 sh tests/tools/npm.sh tests/web '*_npm.*'" \
  @sim $(foreach s,301-2300 2301-4300 4301-6300 6301-8300 8301-10000,\
    '$(SIM) $(s)') $(foreach s,1-5 6-10 11-15 16-20,'$(SIM) $(s) 1000') \
  @static '=$(MAKE) headers' '=$(MAKE) tidy' '=$(MAKE) analyze' \
  @valgrind '$(MAKE) CC=gcc valgrind' \
  @fuzz '$(MAKE) fuzz SECS=120 JOBS=2' '$(MAKE) fuzz-plants' \
  @plants '$(MAKE) host-plants' \
  @cover '=$(MAKE) cover' \
  @package '=$(MAKE) lua53' '=$(MAKE) rock'

check-all:
	@$(SET_UP) $(DEPS_ALL)
	@$(RUN_TESTS) build/log-all $(FULL)
