# Sourced by tests of the crate, with $build set: Debian's cargo, whatever else is on the PATH. It fetches nothing and writes
# nothing but below $build.
for program in cargo rustc rustdoc; do
    [ -x /usr/bin/$program ] || { echo "skipped: there is no /usr/bin/$program; Debian's packages are cargo and rustc"; exit 0; }
done
export CARGO_HOME="$build/rust/home" CARGO_TARGET_DIR="$build/rust/target" CARGO_TERM_COLOR=never
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
mkdir -p "$CARGO_HOME"
cargo() {
    command=$1
    shift
    /usr/bin/cargo "$command" --offline --locked --quiet --jobs 1 "$@"
}
