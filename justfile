# `just ready` is what a change must pass before it is pushed; CI runs the same and the real consumers (`.ci/run`).

# Everything that is quick: format, lints, documentation, dependencies, tests, generated files.
ready:
    .ci/quick
    cargo test

# The tests with the real consumers.
test:
    ./tests/run

# The benchmark table of docs/benchmarks.md.
bench:
    ./benches/run

# Writes the generated files anew: the schema, the pages of facts and of rules, the expected trees of the examples.
bless:
    HAGEN_BLESS=1 cargo test --quiet --test hagen -- language examples rules
