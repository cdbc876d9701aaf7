# `just ready` is what a change must pass before it is pushed; CI runs the same and the real consumers.

# Everything that is quick: format, lints, tests, documentation, generated files.
ready:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo test
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet

# The tests with the real consumers.
test:
    ./tests/run

# The benchmark table of docs/benchmarks.md.
bench:
    ./benches/run

# Writes the generated files anew: the schema, the expected trees of the examples.
bless:
    HAGEN_BLESS=1 cargo test --quiet
