#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Checks what a compiler of the whole does not: format, scripts, man pages, headers alone, layers, heads of files.
# usage: make lint      (it sets CC, C_FLAGS, BPF_CLANG and BPF_FLAGS)
set -u
cd "$(dirname "$0")/.." || exit 1
: "${CC:=gcc}" "${C_FLAGS:=-std=gnu11 -D_GNU_SOURCE -Iinclude -Iuser}" "${BPF_CLANG:=clang}" "${BPF_FLAGS:=-target bpf -Iinclude}"
read -ra c_flags <<<"$C_FLAGS"
read -ra bpf_flags <<<"$BPF_FLAGS"
MAX_FILE_LINES=600
failures=0

mapfile -t c_files < <(find bpf include user tests vmlinux -name '*.[ch]' 2>/dev/null | sort)
mapfile -t scripts < <(find scripts tests .ci -name '*.sh' -o -path '.ci/run' | sort)
mapfile -t man_pages < <(find docs -maxdepth 1 -name '*.[18]' | sort)

fail() { # MESSAGE
    echo "lint: $1" >&2
    failures=$((failures + 1))
}

check_format() {
    local file
    for file in "${c_files[@]}"; do
        clang-format --dry-run -Werror "$file" >/dev/null 2>&1 || fail "$file: not in the format; run make format"
    done
}

check_scripts() {
    [ ${#scripts[@]} -eq 0 ] || shellcheck -x -S warning "${scripts[@]}" || fail "shellcheck"
}

check_man_pages() {
    [ ${#man_pages[@]} -eq 0 ] || mandoc -T lint -W warning "${man_pages[@]}" || fail "man pages"
}

# Each header must compile as the first and only one.
check_headers_alone() {
    local header
    for header in include/*.h; do
        [ -e "$header" ] || continue
        "$CC" "${c_flags[@]}" -fsyntax-only -x c -include "$header" /dev/null || fail "$header: not alone with $CC"
        "$BPF_CLANG" "${bpf_flags[@]}" -fsyntax-only -x c -include "$header" /dev/null ||
            fail "$header: not alone with $BPF_CLANG -target bpf"
    done
    while read -r header; do
        "$CC" "${c_flags[@]}" -fsyntax-only -x c -include "$header" /dev/null || fail "$header: not alone"
    done < <(find user -name '*.h' | sort)
}

# Prints the quoted includes of a file, resolved from its own folder first, then from include/ and user/.
included() { # FILE
    local name
    sed -n 's/^ *# *include "\([^"]*\)".*/\1/p' "$1" | while read -r name; do
        if [ -e "$(dirname "$1")/$name" ]; then
            realpath -m --relative-to=. "$(dirname "$1")/$name"
        elif [ -e "include/$name" ]; then
            echo "include/$name"
        elif [ -e "vmlinux/$name" ]; then
            echo "vmlinux/$name"
        else
            echo "user/$name"
        fi
    done
}

# A stage includes base/, include/, itself and session/'s headers of what a session is (session, facts, names); base/ only itself; include/ also vmlinux/.
check_layers() {
    local file stage target allowed
    while read -r file; do
        stage=$(cut -d/ -f1-2 <<<"$file")
        case $file in
        user/cmd/* | user/pipeline.[ch] | user/main.c) continue ;;
        user/base/*) allowed='^(user/base/|include/)' ;;
        user/*/*) allowed="^(user/base/|include/|$stage/|user/session/(session|facts|names)\.h$|user/[a-z_]*\.(skel\.h)$|user/version\.h$)" ;;
        include/*) allowed='^(include|vmlinux)/' ;;
        *) continue ;;
        esac
        while read -r target; do
            [[ $target =~ $allowed ]] || fail "$file: includes $target, which is not below it (docs/architecture.md)"
        done < <(included "$file")
    done < <(printf '%s\n' "${c_files[@]}")
}

check_file_heads() {
    local file want name
    for file in "${c_files[@]}" "${scripts[@]}"; do
        case $file in
        bpf/* | include/* | vmlinux/*) want='GPL-2.0-only OR BSD-2-Clause' ;;
        *.bpf.[ch]) want='' ;;
        *) want='Apache-2.0' ;;
        esac
        head -n 2 "$file" | grep -q "SPDX-License-Identifier: .*$want" || fail "$file: no SPDX line for ${want:-a licence} at its head"
        [ "$(wc -l <"$file")" -le $MAX_FILE_LINES ] || fail "$file: over $MAX_FILE_LINES lines"
        name=$(basename "$file" | cut -d. -f1)
        case $name in utils | util | common | misc | helpers) fail "$file: a name that says nothing" ;; esac
        ! grep -nE '\b(TODO|FIXME|XXX)\b' "$file" /dev/null | grep -v '^scripts/lint.sh:' ||
            fail "$file: work left for later"
    done
}

check_top_level() {
    local allowed=' Makefile README.md LICENSE bpf user include tests vmlinux scripts docs ' entry
    while read -r entry; do
        [[ $entry == .* || $allowed == *" $entry "* ]] || fail "$entry: not a place of the top level (docs/architecture.md)"
    done < <(git ls-files 2>/dev/null | cut -d/ -f1 | sort -u)
}

check_format
check_scripts
check_man_pages
check_headers_alone
check_layers
check_file_heads
check_top_level
[ $failures -eq 0 ] || { echo "lint: $failures found" >&2; exit 1; }
