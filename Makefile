# Thin: Meson builds, scripts test (docs/decisions/0004). Every target works alone
# in a fresh clone.
#
#   make              build/mxneuron, build/neuron-cc and the libraries
#   make demo         compile and run a real checkpoint
#   make check        all tests, in minutes; make check-full takes longer
#   make check-mxnet  compiled models in a real MXNet, in an environment that is made for it
#   make lint         formatting, static analysis, include edges, exported names
#   make bench        speed of the compiled models; SHAPES=FILE for kernels alone
#   make bench-overhead  what a real MXNet adds to compiled models
#   make fuzz         SECONDS=60 for each parser
#   make install      PREFIX=/usr/local, DESTDIR for packages
#
# Variables: BUILD is the build folder; MESON_FLAGS goes to `meson setup`, CI sets
# it to -Dwerror=true.
BUILD ?= build
MESON_FLAGS ?=
PREFIX ?= /usr/local
SECONDS ?= 60

# clang's sanitizers: warnings and code of a second compiler come with them.
ASAN_FLAGS = -Db_sanitize=address,undefined -Db_lundef=false -Db_ndebug=false -Doptimization=1 -Dfuzz=true
TSAN_FLAGS = -Db_sanitize=thread -Db_lundef=false -Db_ndebug=false -Doptimization=1

.PHONY: all demo check check-full check-mxnet lint bench bench-overhead fuzz install clean build-tools check-tools
.PHONY: unit-tests asan tsan

all: $(BUILD)/build.ninja
	@ninja --quiet -C $(BUILD) products

build-tools:
	@tools/bootstrap build

check-tools:
	@tools/bootstrap build check

$(BUILD)/build.ninja: | build-tools
	meson setup $(BUILD) $(MESON_FLAGS)

build-asan/build.ninja: | check-tools
	CC=clang-19 meson setup build-asan $(ASAN_FLAGS) $(MESON_FLAGS)

build-tsan/build.ninja: | check-tools
	CC=clang-19 meson setup build-tsan $(TSAN_FLAGS) $(MESON_FLAGS)

asan: build-asan/build.ninja
	@ninja --quiet -C build-asan products unit-tests fuzz-targets

tsan: build-tsan/build.ninja
	@ninja --quiet -C build-tsan runtime-tests

demo: all
	@examples/demo/run.sh $(BUILD)

unit-tests: all
	@ninja --quiet -C $(BUILD) unit-tests

check: unit-tests asan tsan
	@tests/run-all.sh $(BUILD) quick

check-full: unit-tests asan tsan
	@tests/run-all.sh $(BUILD) full

check-mxnet: all
	@tools/bootstrap --venv mxnet
	@tests/check-mxnet.sh $(BUILD)

lint: all
	@tools/bootstrap lint
	@tools/lint $(BUILD)

bench: all
	@ninja --quiet -C $(BUILD) benchmarks
	@tools/bench $(BUILD) $(SHAPES)

bench-overhead: all
	@bench/overhead.sh $(BUILD)

fuzz: asan
	@tests/run-fuzz.sh build-asan $(SECONDS)

# A prefix that was configured counts once ninja has made the build anew.
install: all
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@ninja --quiet -C $(BUILD) products
	@meson install -C $(BUILD) --quiet --no-rebuild

clean:
	rm -rf $(BUILD) build-asan build-tsan
