# The two commands that matter: `make run` and `make test`. Each installs what it needs.
# `make help` lists the rest.
.PHONY: help run stop test quick lint labs bench-attribution bench-network release deb rpm packages packages-test reproducible macos msi msi-test xplat wine audit schema clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: ## collector on loopback, enrol this desk, self-check, address of the board
	@scripts/setup.sh build
	@scripts/run.sh

stop: ## end what `make run` left running
	@scripts/run.sh stop

test: ## everything: format, lints, docs, all tests and labs, packages, other systems
	@scripts/setup.sh build packages msi test
	@scripts/test.sh

quick: ## the tests that need no root, no sound server and no network namespaces
	@scripts/setup.sh build
	cargo test --workspace

lint: ## format, clippy and doc warnings
	@scripts/test.sh lint

bench-attribution: ## whose fault: every scenario of tests/attribution, 5 seeds each (root)
	@scripts/setup.sh build bench test
	cargo build --quiet --workspace --bins
	target/debug/attribution

bench-network: ## the truth table: Preshift beside fping, irtt, ping and surge-ping in the network lab (root)
	@scripts/setup.sh build bench
	RUNS=$(RUNS) PACKETS=$(PACKETS) ONLY="$(ONLY)" cargo bench --quiet -p preshift --bench network

release: ## the binaries that people install, in target/release
	packaging/release/build.sh

deb: release ## the Debian packages, in target/dist
	@scripts/setup.sh packages
	packaging/debian/build.sh

rpm: release ## the rpm packages, in target/dist
	@scripts/setup.sh packages
	packaging/rpm/build.sh

packages: deb rpm ## all Linux packages, what each is made of (SBOM) and SHA256SUMS, in target/dist
	packaging/release/checksums.sh

packages-test: deb rpm ## install, start, upgrade and remove them, on machines of their own (root)
	@scripts/setup.sh test
	packaging/debian/lint.sh
	packaging/linux/test.sh
	packaging/release/test.sh

reproducible: ## build everything a second time elsewhere, and compare byte by byte
	@scripts/setup.sh packages
	packaging/release/reproducible.sh

macos: ## on a Mac: Preshift.app with its install command in a zip, in target/dist
	packaging/macos/build.sh

msi: ## the Windows package, in target/dist
	@scripts/setup.sh build msi
	packaging/windows/programs.sh
	packaging/windows/build.sh

msi-test: ## install, enrol, upgrade and remove the Windows package under Wine
	@scripts/setup.sh build msi
	@tests/labs/xplat/xplat.sh setup
	packaging/windows/test.sh --required

xplat: ## check the code for Windows and macOS, and run the Windows program under Wine
	@scripts/setup.sh build packages test
	tests/labs/xplat/check.sh
	tests/labs/xplat/wine.sh

wine: ## the Windows program under Wine: the tests of every crate, and the desk from end to end
	@scripts/setup.sh build packages test
	tests/labs/xplat/wine.sh

audit: ## licences and banned crates
	cargo deny --log-level error check licenses bans sources

schema: ## write docs/schema and the limits in docs/policy.md anew from the code
	PRESHIFT_UPDATE=1 cargo test -q -p preshift-telemetry --test schema the_schema_in_the_docs
	PRESHIFT_UPDATE=1 cargo test -q -p preshift-readiness --test docs the_table_of_limits

clean: stop ## remove what was built and what `make run` keeps
	rm -rf .run
	cargo clean
