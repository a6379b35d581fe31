# shellcheck shell=bash
# Shared by the commands in this folder, which source it: what is installed, once, before PayLink runs.
# Bash 3.2 (macOS) is enough. Everything lies in the clone: .venv, and .paylink/ for tools, LocalStack, SAM and newman.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
uv=uv

# Both would send `uv sync` elsewhere than .venv; the third would have every start compile all modules again.
unset VIRTUAL_ENV UV_PROJECT_ENVIRONMENT PYTHONDONTWRITEBYTECODE

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# step WHAT COMMAND...: run it quietly; say so when it takes over two seconds, show the end of its output if it fails.
step() {
    local what=$1 output ticker status=0
    shift
    output=$(mktemp)
    (
        began=$SECONDS
        while sleep 2 >/dev/null 2>&1; do printf '  %s ... %d s\n' "$what" $((SECONDS - began)); done
    ) &
    ticker=$!
    # shellcheck disable=SC2064  # these two, now
    trap "kill $ticker 2>/dev/null; rm -f '$output'" EXIT
    "$@" >"$output" 2>&1 </dev/null || status=$?
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    if [ "$status" -ne 0 ]; then
        tail -n 25 "$output" >&2
        fail "$what did not succeed"
    fi
    rm -f "$output"
    trap - EXIT
}

find_uv() {
    local tools=$root/.paylink/tools
    uv_is_new_enough uv && return
    uv=$tools/bin/uv
    uv_is_new_enough "$uv" && return
    echo "Installing uv, the Python package manager, in .paylink/tools"
    mkdir -p "$tools"
    if ! python3 -m venv --clear "$tools" >/dev/null 2>&1; then
        install_debian_packages python3-venv ||
            fail "uv is missing. Install it: curl -LsSf https://astral.sh/uv/install.sh | sh (or your package manager)"
        step "making an environment for uv" python3 -m venv --clear "$tools"
    fi
    step "installing uv" "$tools/bin/python" -m pip install --quiet 'uv>=0.8,<1'
}

# The lock file is of a format that uv writes since 0.8.
uv_is_new_enough() {
    local version
    version=$("$1" --version 2>/dev/null) || return 1
    version=${version#uv }
    case $version in 0.[0-7].*) return 1 ;; esac
}

# Install packages when that is ours to do: as root on a Debian-like system.
install_debian_packages() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
    echo "Installing $*"
    step "reading the package lists" apt-get update -q
    step "installing $*" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# What the native library and its binding are built with.
find_build_tools() {
    can_compile || install_debian_packages g++ libssl-dev zlib1g-dev || fail "$(name_build_tools)"
    if [ ! -e "$root/.venv" ] && ! has_python_headers; then
        install_debian_packages python3-dev ||
            fail "the headers of Python are missing. Install them: sudo apt-get install python3-dev"
    fi
}

can_compile() {
    local include=
    [ "$(uname)" = Darwin ] && include=-I$(brew --prefix openssl@3 2>/dev/null)/include
    # shellcheck disable=SC2086  # empty, or one word
    printf '#include <openssl/evp.h>\n#include <zlib.h>\n#if __cplusplus < 201703L\n#error\n#endif\n' |
        "${CXX:-c++}" -std=c++17 -E -x c++ $include - >/dev/null 2>&1
}

name_build_tools() {
    local command='your package manager: g++ and the headers of OpenSSL and zlib'
    if [ "$(uname)" = Darwin ]; then
        command='xcode-select --install; brew install openssl@3'
    elif command -v apt-get >/dev/null; then
        command='sudo apt-get install g++ libssl-dev zlib1g-dev'
    elif command -v dnf >/dev/null; then
        command='sudo dnf install gcc-c++ openssl-devel zlib-devel'
    fi
    echo "a C++17 compiler with the headers of OpenSSL and zlib is missing. Install it: $command"
}

# Also true when uv finds no Python: the one that it downloads then has its headers.
has_python_headers() {
    local python
    python=$(cd "$root" && "$uv" python find '>=3.11' 2>/dev/null) || return 0
    "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
}

# sync_packages [UV SYNC OPTIONS]: bring .venv to the lock file. --inexact, so that what runs PayLink and what tests it
# (the dev group) do not take turns in removing each other's packages.
sync_packages() {
    [ -e "$root/.venv" ] || echo "Installing Python packages in .venv"
    step "installing Python packages" "$uv" sync --project "$root" --directory "$root" --frozen --inexact "$@"
}

install_localstack() {
    install_environment localstack LocalStack
}

# AWS SAM's command line tool, for ./scripts/lint and what is deployed to AWS.
install_sam() {
    install_environment sam "AWS SAM"
}

# install_environment NAME TITLE: in .paylink/NAME what local/NAME/requirements.txt locks, apart from PayLink's packages.
# It is made under another name and moved: an interrupted one is never taken for a whole one.
install_environment() {
    local environment=$root/.paylink/$1 new=$root/.paylink/$1.new.$$ lock=$root/local/$1/requirements.txt want
    want=$(cksum <"$lock")
    [ "$(cat "$environment/installed" 2>/dev/null)" = "$want" ] && return
    echo "Installing $2 in .paylink/$1"
    rm -rf "$root/.paylink/$1".new.*
    step "making an environment for $2" "$uv" venv --no-project --relocatable --python '>=3.11,<3.14' "$new"
    step "installing $2" "$uv" pip install --python "$new/bin/python" --require-hashes -r "$lock"
    echo "$want" >"$new/installed"
    rm -rf "$environment"
    mv "$new" "$environment"
}

# What the browser tests drive; playwright itself comes with the packages for tests.
find_browser() {
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || command -v chromium-browser >/dev/null ||
        [ -d "/Applications/Google Chrome.app" ] || install_debian_packages chromium ||
        fail "a browser is missing. Install it: sudo apt-get install chromium"
}

# What tests the alert rules, and reads the metrics page as it is read where PayLink runs. Taken out of Debian's package
# without installing it, which would start a server.
find_prometheus() {
    local folder=$root/.paylink/prometheus new=$root/.paylink/prometheus.new.$$
    { command -v promtool && command -v prometheus; } >/dev/null && return
    [ -x "$folder/usr/bin/promtool" ] && return
    command -v apt-get >/dev/null ||
        fail "Prometheus is missing. Install it: $([ "$(uname)" = Darwin ] && echo brew install prometheus || echo https://prometheus.io/download)"
    echo "Installing Prometheus in .paylink/prometheus"
    rm -rf "$root"/.paylink/prometheus.new.*
    mkdir -p "$new"
    (cd "$new" && apt-get download -q prometheus >/dev/null 2>&1) ||
        { [ "$(id -u)" -eq 0 ] && step "reading the package lists" apt-get update -q; }
    step "downloading Prometheus" sh -c "cd '$new' && { ls ./*.deb 2>/dev/null || apt-get download -q prometheus; }"
    step "unpacking Prometheus" sh -c "cd '$new' && dpkg-deb -x ./*.deb . && rm ./*.deb"
    rm -rf "$folder"
    mv "$new" "$folder"
}

# newman runs the Postman collection; Node.js itself also runs the shop of docs/first-integration.md.
install_newman() {
    local packages=$root/.paylink/newman new=$root/.paylink/newman.new.$$ source=$root/tests/newman want
    has_node || install_debian_packages nodejs npm && has_node || fail "$(name_node)"
    want=$(cksum <"$source/package-lock.json")
    [ "$(cat "$packages/installed" 2>/dev/null)" = "$want" ] && return
    echo "Installing newman in .paylink/newman"
    rm -rf "$root"/.paylink/newman.new.*
    mkdir -p "$new"
    cp "$source/package.json" "$source/package-lock.json" "$new/"
    step "installing newman" npm ci --prefix "$new" --ignore-scripts --no-audit --no-fund
    echo "$want" >"$new/installed"
    rm -rf "$packages"
    mv "$new" "$packages"
}

# `fetch` is part of Node.js since 18.
has_node() {
    command -v npm >/dev/null && node -e 'process.exit(typeof fetch === "function" ? 0 : 1)' 2>/dev/null
}

name_node() {
    local command='https://nodejs.org/en/download'
    if [ "$(uname)" = Darwin ]; then
        command='brew install node'
    elif command -v apt-get >/dev/null; then
        command='sudo apt-get install nodejs npm'
    elif command -v dnf >/dev/null; then
        command='sudo dnf install nodejs npm'
    fi
    echo "Node.js 18 or newer with npm is missing; the tests of the Postman collection need it. Install it: $command"
}
