# shellcheck shell=bash
# The tests of native/: sourced after lib.sh. Builds lie in build/, so that a second run compiles only what has changed.

# Whatever cannot be run here is named, so that a green run does not say more than it did.
not_run() { printf 'NOT RUN: %s\n' "$*"; }

native_cmake() { "$uv" tool run --quiet --from 'cmake>=3.22,<4' cmake "$@"; }

# native_build FOLDER TARGET CMAKE-OPTION...: build the target in build/FOLDER.
native_build() {
    local folder=$root/build/$1 target=$2
    shift 2
    step "configuring ${folder##*/}" native_cmake -S "$root/native" -B "$folder" "$@"
    step "building ${folder##*/}" native_cmake --build "$folder" --target "$target" --parallel 2
}

native_tests() {
    find_googletest
    find_native_extras
    native_unit_tests
    native_sanitizers
    native_threads
    native_fuzz 4
    native_valgrind
}

# native_long_tests FUZZ-SECONDS: what takes minutes.
native_long_tests() {
    native_fuzz "$1"
    native_dudect
    native_valgrind_long
}

native_unit_tests() {
    native_build native all -DPAYCRYPTO_TESTS="$(has_googletest)" -DPAYCRYPTO_PROOFS=ON -DPAYCRYPTO_WERROR=ON
    if [ "$(has_googletest)" = ON ]; then
        step "the C++ tests" run_ctest native
    else
        not_run "the C++ tests: GoogleTest is missing. Install it: $(name_packages libgtest-dev googletest)"
    fi
    if [ "$(uname)" = Linux ]; then
        "$root/build/native/proofs/paycrypto_allocations" || fail "an operation allocates that should not"
    else
        not_run "counting allocations, which takes Linux"
    fi
}

# Both backends, the second of which hashes batches without libipsec-mb. LeakSanitizer comes with AddressSanitizer.
native_sanitizers() {
    local build flags='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'
    # Not optimised: the compiler would take longer than all the rest. The fuzzers are.
    set -- "-DCMAKE_CXX_FLAGS=$flags" "-DCMAKE_C_FLAGS=$flags" '-DCMAKE_CXX_FLAGS_RELEASE=-O0 -g1' \
        -DPAYCRYPTO_TESTS="$(has_googletest)" -DPAYCRYPTO_PROOFS=ON
    native_build native-asan all "$@"
    native_build native-asan-evp all "$@" -DPAYCRYPTO_BACKEND=evp
    for build in native-asan native-asan-evp; do
        if [ "$(has_googletest)" = ON ]; then
            step "the C++ tests in $build" run_ctest "$build"
        fi
        step "looking for leaks in $build" "$root/build/$build/proofs/paycrypto_leaks"
        if [ "$(uname)" = Linux ]; then
            must_fail "LeakSanitizer does not see a lost key" LeakSanitizer "$root/build/$build/proofs/paycrypto_leaks" --lose
        fi
    done
    [ "$(uname)" = Linux ] || not_run "looking for leaks, which takes Linux"
    echo "AddressSanitizer, UndefinedBehaviorSanitizer: nothing to report, with both backends"
}

native_threads() {
    local program=$root/build/native-tsan/proofs/paycrypto_threads
    native_build native-tsan paycrypto_threads -DCMAKE_CXX_FLAGS=-fsanitize=thread \
        '-DCMAKE_CXX_FLAGS_RELEASE=-O1 -g' -DPAYCRYPTO_TESTS=OFF -DPAYCRYPTO_PROOFS=ON
    # Some kernels place memory where ThreadSanitizer does not expect it; it then ends before main.
    if "$program" 2>&1 | grep -q 'FATAL: ThreadSanitizer'; then
        if ! command -v valgrind >/dev/null; then
            not_run "the threads: neither ThreadSanitizer nor helgrind works here"
            return
        fi
        step "threads under helgrind" valgrind -q --tool=helgrind --error-exitcode=9 \
            "$root/build/native/proofs/paycrypto_threads"
        must_fail "helgrind does not see a race" "data race" valgrind -q --tool=helgrind --error-exitcode=9 \
            "$root/build/native/proofs/paycrypto_threads" --race
        echo "helgrind: nothing to report"
        return
    fi
    step "threads under ThreadSanitizer" "$program"
    must_fail "ThreadSanitizer does not see a race" "data race" "$program" --race
    echo "ThreadSanitizer: nothing to report"
}

# native_fuzz SECONDS for each target.
native_fuzz() {
    local clang
    if ! clang=$(find_fuzzing_clang); then
        install_debian_packages clang libclang-rt-dev || true
        if ! clang=$(find_fuzzing_clang); then
            not_run "the fuzzers: a clang with libFuzzer is missing. Install it: $(name_packages clang llvm)"
            return
        fi
    fi
    native_build native-fuzz all "-DCMAKE_CXX_COMPILER=$clang" -DPAYCRYPTO_TESTS=OFF -DPAYCRYPTO_FUZZ=ON
    echo "Fuzzing, $1 s for each target"
    "$root/native/fuzz/run" "$root/build/native-fuzz" "$1" || fail "a fuzzer has found something"
}

# Apple's own clang has no libFuzzer; Homebrew's has.
find_fuzzing_clang() {
    local clang trial
    trial=$(mktemp -d)
    for clang in clang++ /opt/homebrew/opt/llvm/bin/clang++ /usr/local/opt/llvm/bin/clang++; do
        if echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
            "$clang" -fsanitize=fuzzer,address,undefined -x c++ - -o "$trial/a" >/dev/null 2>&1; then
            rm -r "$trial"
            echo "$clang"
            return
        fi
    done
    rm -r "$trial"
    return 1
}

# Constant time, leaks also in what libcrypto allocates, instruction counts.
native_valgrind() {
    find_valgrind || return 0
    native_ctgrind native
    step "looking for leaks with valgrind" run_memcheck "$root/build/native/proofs/paycrypto_leaks"
    must_fail "valgrind does not see a lost key" "definitely lost" run_memcheck "$root/build/native/proofs/paycrypto_leaks" --lose
    "$root/.venv/bin/python" "$root/native/proofs/instructions.py" "$root/build/native/proofs/paycrypto_instructions" ||
        fail "the instruction counts are not those that are committed"
}

# valgrind.h is of the same package. A build that was configured without it has to look again.
find_valgrind() {
    if ! command -v valgrind >/dev/null && ! install_debian_packages valgrind; then
        not_run "constant time, leaks, instruction counts: valgrind is missing. Install it:" \
            "$(name_packages valgrind valgrind)"
        return 1
    fi
    if [ ! -x "$root/build/native/proofs/paycrypto_ctgrind" ]; then
        native_build native all -UPAYCRYPTO_HAVE_VALGRIND
    fi
}

# native_ctgrind FOLDER: what it reports for the controls is left in the log.
native_ctgrind() {
    valgrind -q --error-limit=no --log-file="$root/build/$1/ctgrind.log" "$root/build/$1/proofs/paycrypto_ctgrind" || {
        tail -n 40 "$root/build/$1/ctgrind.log" >&2
        fail "not constant time: $root/build/$1/ctgrind.log"
    }
}

run_memcheck() {
    valgrind -q --leak-check=full --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=9 "$@"
}

native_dudect() {
    echo "Timing, with the control that must be found first"
    "$root/build/native/proofs/paycrypto_dudect" 40000 || fail "not constant time"
}

# The other backend, which the wheel may be built with, and the C++ tests with every read of libcrypto's watched.
native_valgrind_long() {
    find_valgrind || return 0
    native_build native-evp all -DPAYCRYPTO_TESTS=OFF -DPAYCRYPTO_PROOFS=ON -DPAYCRYPTO_BACKEND=evp
    native_ctgrind native-evp
    if [ "$(has_googletest)" = ON ]; then
        # wipe_test.cc has operators new and delete of its own, of which valgrind would replace those that are not inlined.
        step "the C++ tests under valgrind" run_memcheck --soname-synonyms=somalloc=nouserintercepts \
            "$root/build/native/tests/paycrypto_tests" --gtest_brief=1
    fi
}

# run_ctest FOLDER: says nothing but what failed. What fails once has failed.
run_ctest() {
    local log=$root/build/$1/ctest.log
    "$uv" tool run --quiet --from 'cmake>=3.22,<4' ctest --test-dir "$root/build/$1" --parallel 2 --no-tests=error \
        --output-on-failure >"$log" 2>&1 || {
        cat "$log"
        return 1
    }
}

# must_fail WHAT-IS-WRONG-OTHERWISE REPORT COMMAND...: a control, without which the green result beside it means nothing.
# It must fail for the reason that its report names.
must_fail() {
    local otherwise=$1 report=$2 said
    shift 2
    if said=$("$@" 2>&1) || ! grep -q "$report" <<<"$said"; then
        fail "$otherwise: nothing is proved"
    fi
}

find_googletest() {
    [ "$(has_googletest)" = ON ] || install_debian_packages libgtest-dev || true
}

# Batches with libipsec-mb, the layer of the other architecture, the library as pkg-config finds it.
find_native_extras() {
    local package missing='' extras='pkg-config qemu-user'
    command -v dpkg >/dev/null || return 0
    case $(uname -m) in
        x86_64) extras="$extras libipsec-mb-dev g++-aarch64-linux-gnu" ;;
        aarch64) extras="$extras g++-x86-64-linux-gnu" ;;
    esac
    for package in $extras; do
        dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
    done
    # shellcheck disable=SC2086  # one word for each package
    [ -z "$missing" ] || install_debian_packages $missing ||
        not_run "what needs$missing. Install it: sudo apt-get install$missing"
}

has_googletest() {
    if [ -e /usr/include/gtest/gtest.h ] || [ -e /opt/homebrew/include/gtest/gtest.h ] ||
        [ -e /usr/local/include/gtest/gtest.h ]; then echo ON; else echo OFF; fi
}

# name_packages DEBIAN-PACKAGE HOMEBREW-FORMULA: the command that installs it here.
name_packages() {
    case $(uname) in Darwin) echo "brew install $2" ;; *) echo "sudo apt-get install $1" ;; esac
}
