# What the scripts beside this file share. Sourced.
unset RUSTFLAGS
host=$(rustc -vV | sed -n 's/^host: //p')

# Fails with the way to get it if a tool is missing.
need() {
    command -v "$1" >/dev/null || { echo "$1 is not there: $2"; exit 1; }
}

need_nightly() {
    need rustup "see https://rustup.rs"
    rustc +nightly --version >/dev/null 2>&1 || { echo "no nightly toolchain: rustup toolchain install nightly"; exit 1; }
}

# Fails unless the command fails and says so: a sanitizer that misses what is planted shows nothing.
must_report() {
    local report=$1 said
    shift
    if said=$("$@" 2>&1); then
        echo "nothing was reported by: $*"
        exit 1
    fi
    grep -q "$report" <<<"$said" || { echo "failed without '$report': $*"; echo "$said"; exit 1; }
}
