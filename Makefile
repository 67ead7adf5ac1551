# SPDX-License-Identifier: MIT
# A thin front: tools/setup installs, Meson and ninja build, tools/run-tests tests.

PREFIX ?= /usr/local
SECONDS := 30
BUILD := build
CC_OF_BUILD := gcc
FLAGS := -Dprefix=$(PREFIX) -Dwerror=$(if $(filter true 1,$(CI)),true,false)
SANITIZE = -Db_sanitize=$(SAN) -Db_lundef=false

# A build with sanitizers has its own directory, takes its time, and runs the unit tests.
ifdef SAN
BUILD := build-san
FLAGS += $(SANITIZE)
JOBS := san
ONLY := --only unit --patience 5
endif

.PHONY: all help setup configure demo test lint format fuzz bench install clean

all: configure
	@ninja -C $(BUILD) product

help:
	@echo 'make                              build/memtrap'
	@echo 'make demo                         build, then catch a real bug in an example program'
	@echo 'make test                         all tests'
	@echo 'make test SAN=address,undefined   the unit tests under sanitizers'
	@echo 'make lint                         formatting, static analysis, layers, sizes'
	@echo 'make format                       write the C files as .clang-format has them'
	@echo 'make fuzz [SECONDS=30]            each fuzz target for that long'
	@echo 'make bench                        the benchmarks of docs/BENCHMARKS.md'
	@echo 'make install [DESTDIR=] [PREFIX=/usr/local]'
	@echo 'make clean                        remove the build directories'

setup:
	@tools/setup build $(JOBS)

# Meson configures a directory once, and again when the flags are others than last time.
configure: setup
	@if [ ! -f $(BUILD)/build.ninja ]; then \
		CC=$(CC_OF_BUILD) meson setup $(FLAGS) $(BUILD); \
	elif [ "$$(cat $(BUILD)/flags 2>/dev/null)" != '$(FLAGS)' ]; then \
		meson setup --reconfigure $(FLAGS) $(BUILD); \
	fi && echo '$(FLAGS)' >$(BUILD)/flags

demo: all
	@demo/run $(BUILD)/memtrap

test: JOBS += test
test: configure
	@ninja -C $(BUILD) all $(if $(ONLY),,fixtures judges)
	@tools/run-tests --build $(BUILD) $(ONLY)

lint: JOBS += lint
lint: all
	@tools/lint $(BUILD)

format:
	@tools/setup lint
	@tools/lint --format

fuzz: BUILD := build-fuzz
fuzz: CC_OF_BUILD := clang
fuzz: SAN := address,undefined
fuzz: FLAGS := -Dfuzz=true $(SANITIZE)
fuzz: JOBS := san
fuzz: configure
	@ninja -C $(BUILD)
	@tools/run-fuzz $(BUILD) $(SECONDS)

bench: JOBS += bench
bench: all
	@bench/run --keep

install: all
	@meson install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))
	@$(if $(DESTDIR),,ldconfig || echo 'run ldconfig as root: the dynamic linker has not seen libmemtrap.so yet')

clean:
	@rm -rf build build-san build-fuzz build-clang
