# shellcheck shell=bash
# Shared by the commands that build layers for AWS Lambda, which source it after lib.sh. They set python_version.

# Set how others call what Lambda calls x86_64 and arm64.
# shellcheck disable=SC2034  # for those that source this
choose_architecture() {
    case $1 in
        x86_64) triplet=x86_64-linux-gnu debian_architecture=amd64 machine=x86_64 ;;
        arm64) triplet=aarch64-linux-gnu debian_architecture=arm64 machine=aarch64 ;;
        *) fail "--arch is x86_64 or arm64, as Lambda calls them, not $1" ;;
    esac
}

# Lambda's folder is read-only: what is not compiled here is compiled at every cold start.
compile_layer() {
    (cd "$1" && "${python[@]}" -m compileall -q --invalidation-mode unchecked-hash -s . -p /opt/python .)
}

# tell_sizes FOLDER WHAT: what lies in a layer's folder, and how much of it is uploaded.
tell_sizes() {
    echo "$1: $2, $(find "$1" -type f | wc -l) files, $(kilobytes "$1")," \
        "zipped $(tar -C "$1" -c . | gzip -9 | wc -c | awk '{ printf "%d kB", $1 / 1000 }')"
}

kilobytes() {
    find "$1" -type f -exec wc -c {} + | awk '$2 != "total" { sum += $1 } END { printf "%d kB", sum / 1000 }'
}

# find_python [Python.h]: set python, the command that runs the target's version, and python_headers, where that file is
# if it is asked for. A pyenv shim may exist and refuse.
find_python() {
    local candidate folder
    for candidate in "python$python_version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$python_version".*/bin/python \
        "$(UV_PYTHON_DOWNLOADS=never "$uv" python find "$python_version" 2>/dev/null)"; do
        python_headers=$("$candidate" -c 'import sys, sysconfig
assert "%d.%d" % sys.version_info[:2] == sys.argv[1]
print(sysconfig.get_path("include"))' "$python_version" 2>/dev/null) || continue
        python=("$candidate")
        [ -z "${1:-}" ] || [ -e "$python_headers/$1" ] || continue
        return
    done
    folder=$(unpack_python) || exit
    python=(env "PYTHONHOME=$folder/usr" "$(echo "$folder"/usr/lib/*/ld-linux-*.so.*)"
        --library-path "$(dirname "$folder"/usr/lib/*/libc.so.6)" "$folder/usr/bin/python$python_version")
    [ -z "${1:-}" ] || python_headers=$(unpack_python_headers "$(dpkg --print-architecture)")
}

# Debian's own name for the release that has this Python.
python_suite() {
    case $python_version in
        3.11) echo bookworm ;;
        3.13) echo trixie ;;
        *) fail "no Python $python_version with its headers was found here, and Debian has none: install it" ;;
    esac
}

unpack_python() {
    local suite
    suite=$(python_suite) || exit
    unpack_debian "$suite" "$(dpkg --print-architecture)" libc6 libexpat1 zlib1g \
        "python$python_version-minimal" "libpython$python_version-minimal" "libpython$python_version-stdlib"
}

unpack_python_headers() {
    local suite folder
    suite=$(python_suite) || exit
    folder=$(unpack_debian "$suite" "$1" "libpython$python_version-dev") || exit
    echo "$folder/usr/include/python$python_version;$folder/usr/include"
}

# unpack_debian SUITE ARCHITECTURE PACKAGE...: print a folder with the contents of these packages. apt works with lists and
# a state of its own and checks the archive's signature as ever; nothing of this machine changes.
unpack_debian() {
    local suite=$1 architecture=$2 folder new package link
    shift 2
    folder=$root/build/debian/$suite-$architecture-$(echo "$@" | cksum | cut -d' ' -f1)
    [ -e "$folder" ] || {
        command -v apt-get >/dev/null || fail "Debian's packages $* ($architecture) are needed, and apt-get is not here"
        new=$folder.new.$$
        mkdir -p "$new"/.apt/{lists/partial,archives/partial,packages}
        touch "$new/.apt/status"
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" \
            >"$new/.apt/sources.list"
        cat >"$new/.apt/apt.conf" <<-END
			Dir::State "$new/.apt";
			Dir::State::status "$new/.apt/status";
			Dir::Cache "$new/.apt";
			Dir::Etc::SourceList "$new/.apt/sources.list";
			Dir::Etc::SourceParts "/dev/null";
			#clear APT::Architectures;
			APT::Architecture "$architecture";
			APT::Architectures { "$architecture"; };
			APT::Update::Error-Mode "any";
			Acquire::Languages "none";
		END
        (
            export APT_CONFIG=$new/.apt/apt.conf
            step "reading Debian's package lists" apt-get update -q
            cd "$new/.apt/packages"
            step "fetching $*" apt-get download -q "$@"
        ) >&2 || { rm -rf "$new" && exit 1; }
        for package in "$new"/.apt/packages/*.deb; do dpkg-deb -x "$package" "$new"; done
        # The loader's path is /lib on every architecture; packages of newer releases only fill /usr/lib.
        [ -e "$new/lib" ] || ln -s usr/lib "$new/lib"
        # Absolute links would lead to this machine's files or nowhere, and a static library would be taken instead.
        find "$new" -type l -lname '/*' | while read -r link; do
            ln -sfn "$(realpath -ms --relative-to="${link%/*}" "$new$(readlink "$link")")" "$link"
        done
        rm -rf "$new/.apt"
        # Another run may have been faster.
        mv -T "$new" "$folder" 2>/dev/null || rm -rf "$new"
    }
    echo "$folder"
}
