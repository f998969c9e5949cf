# The one entry. Every target is a few lines that can be run by hand; only Rust is needed.
# Build output goes to the user's cache, so that several checkouts share it.
cache := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)
export CARGO_TARGET_DIR ?= $(cache)/mops/target
debug := $(CARGO_TARGET_DIR)/debug
release := $(CARGO_TARGET_DIR)/release
failpoints := $(cache)/mops/target-failpoints

.PHONY: help demo build probe monitor test lint tools e2e models world audit bench crash nightly schema golden picture cause dist
help:
	@echo 'make demo    the whole story on loopback, about a minute after the build'
	@echo 'make test    lint, then every test; only Rust is needed'
	@echo 'make tools   what the private world is made of: packages of Debian, and programs built by Go, npm and pip (once, about'
	@echo '             20 minutes); ALL=1 also kwok, which plays nodes for a thousand pods'
	@echo 'make e2e     the tests in the private world, as root: real names, real parts'
	@echo 'make models  the bodies that mops sends and reads, through models of the Azure crates 0.21 (fetched, test only)'
	@echo 'make world   a shell in it, which says what is where: mops, kubectl, az, skopeo, pulumi'
	@echo 'make build   the programs, for development; make probe, monitor the static files for pods'
	@echo 'make lint    rustfmt, clippy and the architecture test'
	@echo 'make audit   licences, bans and advisories (needs cargo-deny)'
	@echo 'make bench   the table of goals, from a release build; ONLY=P4 or pods for one, QUICK=1 for small ones, README=FILE to write it there'
	@echo 'make crash   kills, failing disks, signals, in a build with failpoints; QUICK=1 the short form of the sweep,'
	@echo '             PEER=1 terraform beside it, README=FILE to write the table there'
	@echo 'make nightly the long forms of the random tests (hours)'
	@echo 'make golden  write the generated files (schema, golden output) again'
	@echo 'make picture the picture in README, of the diagnosis beside it (needs chromium-headless-shell: make tools)'
	@echo 'make cause ID=NEW_ID FAMILY=network'
	@echo '             the three places of a new cause of the catalogue, to be filled in: tests fail until they are'
	@echo 'make dist    an archive of the release programs with its checksum'

build:
	cargo build --workspace --bins

# What pods run, each one static file, from a target folder of its own since all of it is built with other flags: the probe,
# and `mops` for the monitor. `Containerfile` makes an image of a static file.
static := $(cache)/mops/target-static
statically = RUSTFLAGS='-C target-feature=+crt-static -C strip=symbols' \
	  cargo build --quiet --target x86_64-unknown-linux-gnu --target-dir "$(static)"
probe:
	$(statically) -p mops-probe
	install -D "$(static)/x86_64-unknown-linux-gnu/debug/mops-probe" "$(debug)/mops-probe-static"
monitor:
	$(statically) -p mops
	install -D "$(static)/x86_64-unknown-linux-gnu/debug/mops" "$(debug)/mops-static"

demo: build
	MOPS_BIN_DIR="$(debug)" sh examples/demo/demo.sh

test: lint build
	MOPS_BIN_DIR="$(debug)" sh tests/run.sh test --workspace --no-fail-fast

lint:
	git ls-files '*.rs' | xargs rustfmt --edition 2024 --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo clippy -p mops-tests --test e2e --quiet -- -D warnings
	cargo test --quiet -p mops-tests --test fast arch

tools:
	sh tests/tools/debian.sh
	sh tests/tools/build.sh azurite azure-cli containerd device-plugin cluster pulumi pulumi-node pulumi-python pulumi-yaml $(if $(ALL),kwok)
	sh tests/tools/go-library.sh

# Built outside: nothing can be fetched inside. The example in Rust is a package of its own with its own lock file.
gestalt := $(cache)/mops/target-gestalt
e2e: build probe monitor tools
	cargo test --no-run --quiet -p mops-tests --test e2e
	cargo test --no-run --quiet -p mops-tests --test fast
	cargo build --quiet --locked --manifest-path examples/gestalt/Cargo.toml --target-dir "$(gestalt)"
	MOPS_GESTALT="$(gestalt)/debug/modelops-gestalt" MOPS_REQUIRE=world,az,azurite,chromium,cluster,pulumi,slurm,sshd MOPS_BIN_DIR="$(debug)" "$(debug)/mops-world" run --cluster sh tests/e2e.sh

# Bodies of ours through models that others generated: a package outside the workspace, whose tree nothing of ours may have.
models:
	cargo run --quiet --locked --manifest-path tests/models/Cargo.toml --target-dir "$(cache)/mops/target-models" -- tests/golden/bodies.json

world: build probe tools
	PATH="$(debug):$$PATH" "$(debug)/mops-world" run --cluster sh tests/world.sh

audit:
	cargo deny --version >/dev/null || { echo 'install it with: cargo install --locked cargo-deny'; exit 1; }
	cargo deny check

# A thousand workers need a cluster with its images, and what plays its nodes: built when just they are asked for.
bench:
ifneq ($(filter pods,$(ONLY)),)
	sh tests/tools/debian.sh
	sh tests/tools/build.sh containerd device-plugin cluster kwok
	$(MAKE) probe
	install -D "$(debug)/mops-probe-static" "$(release)/mops-probe-static"
endif
	cargo build --workspace --bins --release
	MOPS_BIN_DIR="$(release)" "$(release)/mops-bench-report" $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick) $(if $(REBASE),--rebase) $(if $(README),--readme $(README))

# Sizes of the tests, by the variables that their first lines name; the short form takes what the tests do by themselves.
crash_sizes := $(if $(QUICK),,MOPS_SWEEP=2 MOPS_KILLS=600 MOPS_DISK_STEP_KIB=4 MOPS_PROGRAM_KILLS=30 MOPS_PROVIDER_KILLS=200 MOPS_ROUNDS=20 MOPS_SIGNALS=60 MOPS_SOAK=400)
crash: build
	$(crash_sizes) QUICK="$(QUICK)" PEER="$(PEER)" README="$(README)" FAILPOINTS="$(failpoints)" MOPS_BIN_DIR="$(debug)" sh tests/crash.sh

nightly: build
	MOPS_SWEEP=6 MOPS_KILLS=1000 MOPS_DISK_STEP_KIB=4 MOPS_PROGRAM_KILLS=200 MOPS_PROVIDER_KILLS=600 \
	  MOPS_ROUNDS=100 MOPS_SIGNALS=200 MOPS_SOAK=1000 FAILPOINTS="$(failpoints)" MOPS_BIN_DIR="$(debug)" sh tests/crash.sh
	MOPS_BIN_DIR="$(debug)" sh tests/nightly.sh

# Generated files are written by the tests that compare them; look at the difference before committing it.
golden schema: build
	MOPS_BIN_DIR="$(debug)" MOPS_GOLDEN=1 cargo test --quiet -p mops-tests --test fast

# The page of the record that README also shows as text; exit 1 says that the record holds a cause.
page := $(CARGO_TARGET_DIR)/diagnosis.html
picture: build
	"$(debug)/mops" diagnose-auth --from examples/diagnosis/seen.json --format html="$(abspath $(page))" || [ $$? -eq 1 ]
	chromium-headless-shell --no-sandbox --disable-gpu --hide-scrollbars --window-size=1100,1000 \
	  --screenshot=docs/diagnosis.png "file://$(abspath $(page))"

cause:
	@sh tests/tools/cause.sh '$(ID)' '$(FAMILY)'

dist:
	cargo build --release --bins -p mops -p mops-probe -p mops-pulumi
	sh tests/dist.sh "$(release)" "$(CARGO_TARGET_DIR)/dist"
