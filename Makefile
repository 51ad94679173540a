# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The front door. `make` alone says what there is; the work is done by CMake (CMakePresets.json)
# and by the scripts in scripts/.

.DEFAULT_GOAL := help
.PHONY: help demo test bench check explore features install uninstall clean cross
PREFIX ?= /usr/local

help:
	@echo 'make demo       stream a real file between two processes, beside a pipe and a socket'
	@echo 'make test       build and run all tests            (ARGS: for ctest, ARGS="-L ring")'
	@echo 'make bench      build and run the benchmarks       (ARGS: for renoir-bench)'
	@echo 'make check      format, layers, edges, symbols, layout, models, warnings, sanitizers'
	@echo 'make explore    every interleaving within bounds, deaths and planted mistakes; an hour or two'
	@echo 'make features   each feature and trap with its tests, and whether they passed'
	@echo 'make install    below PREFIX ($(PREFIX)); DESTDIR is honoured'
	@echo 'make uninstall  removes what make install put there'
	@echo 'make cross      build and test for aarch64, armv7 (qemu) and x86_64 with musl'
	@echo 'make clean      removes build/'

demo:
	./demo $(ARGS)

test:
	./test $(ARGS)

# What the configuration had looked for in vain may be installed by now.
bench:
	scripts/setup.sh --bench
	scripts/build release -U 'BENCH_*'
	build/release/bin/renoir-bench $(ARGS)

check:
	scripts/setup.sh --check
	scripts/check $(ARGS)

# The short form of it is part of make test.
explore:
	scripts/build release
	cmake --build build/release --target explore_full

features:
	scripts/features $(ARGS)

install:
	scripts/build release -DCMAKE_INSTALL_PREFIX='$(PREFIX)'
	cmake --install build/release --prefix '$(PREFIX)'

uninstall:
	cmake --build build/release --target uninstall

cross:
	scripts/setup.sh --cross
	scripts/cross $(ARGS)

clean:
	rm -rf build
