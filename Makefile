# The two commands that matter: `make run` and `make test`. Each installs what it needs.
# `make help` lists the rest.
.PHONY: help run stop test quick lint labs release deb deb-test xplat wine audit schema clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: ## collector on loopback, enrol this desk, self-check, address of the board
	@scripts/setup.sh build
	@scripts/run.sh

stop: ## end what `make run` left running
	@scripts/run.sh stop

test: ## everything: format, lints, docs, all tests and labs, packages, other systems
	@scripts/setup.sh build test
	@scripts/test.sh

quick: ## the tests that need no root, no sound server and no network namespaces
	@scripts/setup.sh build
	cargo test --workspace

lint: ## format, clippy and doc warnings
	@scripts/test.sh lint

release: ## the binaries that people install, in target/release
	cargo build --release --workspace --bins

deb: release ## the Debian packages, in target/debian
	packaging/debian/build.sh

deb-test: deb ## install, start, upgrade and purge the packages in a Debian of their own
	packaging/debian/test.sh

xplat: ## check the code for Windows and macOS, and run the Windows program under Wine
	tests/labs/xplat/check.sh
	@scripts/setup.sh build test
	tests/labs/xplat/wine.sh

wine: ## the Windows program under Wine: the tests of every crate, and the desk from end to end
	@scripts/setup.sh build test
	tests/labs/xplat/wine.sh

audit: ## licences and banned crates
	cargo deny --log-level error check licenses bans sources

schema: ## write docs/schema and the limits in docs/policy.md anew from the code
	PRESHIFT_UPDATE=1 cargo test -q -p preshift-telemetry --test schema the_schema_in_the_docs
	PRESHIFT_UPDATE=1 cargo test -q -p preshift-readiness --test docs the_table_of_limits

clean: stop ## remove what was built and what `make run` keeps
	rm -rf .run
	cargo clean
