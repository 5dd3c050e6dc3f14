#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs with apt what a group of tasks needs and this machine lacks; silent when nothing is missing.
# usage: scripts/deps.sh [build|demo|test|vm|bench|lint]...     (default: build)
set -eu

# group | Debian package | how to see that it is there | why
# How: cmd:NAME a command, pc:NAME a pkg-config module, rt:NAME a clang runtime, pkg the package itself.
table() {
    cat <<'END'
build | make                     | cmd:make          | runs the build
build | gcc                      | cmd:gcc           | compiles the user side
build | libc6-dev                | pkg               | C library headers
build | clang                    | cmd:clang         | compiles the BPF programs
build | llvm                     | cmd:llvm-strip    | strips the BPF object
build | bpftool                  | cmd:bpftool       | puts the BPF object into the binary
build | pkg-config               | cmd:pkg-config    | finds the libraries
build | libbpf-dev               | pc:libbpf         | loads BPF programs
build | libelf-dev               | pc:libelf         | libbpf reads objects with it
build | zlib1g-dev               | pc:zlib           | reads .gz captures
build | libssl-dev               | pc:libcrypto      | SHA-1 of the Community ID
build | libzstd-dev              | pc:libzstd        | reads .zst captures
build | libpcap-dev              | pc:libpcap        | compiles the pcap filter language
build | libndpi-dev              | pc:libndpi        | identifies protocols
build | libhtp-dev               | pc:htp            | reads HTTP/1
build | libnghttp2-dev           | pc:libnghttp2     | unpacks headers of HTTP/2
build | libbrotli-dev            | pc:libbrotlidec   | unpacks content of HTTP
build | libjansson-dev           | pc:jansson        | reads alerts
build | libdeflate-dev           | pc:libdeflate     | a faster CRC-32 for indexes
build | libldns-dev              | pc:ldns           | writes out what is in records of DNS
demo  | iproute2                 | cmd:ip            | makes the demo's network namespaces
demo  | iputils-ping             | cmd:ping          | the demo's ICMP session
demo  | curl                     | cmd:curl          | the demo's HTTP client
demo  | python3                  | cmd:/usr/bin/python3 | the demo's servers
test  | libcmocka-dev            | pc:cmocka         | unit tests
test  | libclang-rt-dev          | rt:fuzzer         | fuzzers and sanitizers of clang
test  | iproute2                 | cmd:ip            | network namespaces for tests
test  | iputils-ping             | cmd:ping          | ICMP sessions for tests
test  | procps                   | cmd:ps            | looks at processes
test  | curl                     | cmd:curl          | HTTP client
test  | nginx-light              | cmd:nginx         | HTTP server
test  | nghttp2-client           | cmd:nghttp        | HTTP/2 client: several streams at once, push
test  | nghttp2-server           | cmd:nghttpd       | HTTP/2 server without TLS
test  | nghttp2-proxy            | cmd:nghttpx       | HTTP/2 proxy: tunnels, Upgrade, WebSocket
test  | python3-h2               | pkg               | HTTP/2 client that asks for tunnels
test  | socat                    | cmd:socat         | TCP and UDP peers
test  | tcpdump                  | cmd:tcpdump       | second opinion on captures
test  | openssl                  | cmd:openssl       | TLS clients and servers
test  | zstd                     | cmd:zstd          | makes packed captures and content
test  | tshark                   | cmd:tshark        | second opinion on captures and streams
test  | libndpi-bin              | cmd:ndpiReader    | second opinion on protocols
test  | prometheus               | cmd:promtool      | promtool checks the metrics
test  | prometheus-node-exporter | cmd:prometheus-node-exporter | serves the metrics file in a test
test  | jq                       | cmd:jq            | reads records
test  | strace                   | cmd:strace        | stops sesstap within a system call
test  | python3                  | cmd:/usr/bin/python3 | checks records
test  | python3-jsonschema       | pkg               | checks records against docs/ schema
vm    | qemu-system-x86          | cmd:qemu-system-x86_64 | runs another kernel
vm    | qemu-system-common       | cmd:/usr/lib/qemu/virtiofsd | shows it this machine's files
vm    | busybox-static           | cmd:busybox       | its first program
vm    | kmod                     | cmd:modprobe      | finds its modules
bench | iperf3                   | cmd:iperf3        | bulk throughput
bench | wrk                      | cmd:wrk           | short connections
bench | nginx-light              | cmd:nginx         | HTTP server under load
bench | iproute2                 | cmd:ip            | network namespaces
bench | jq                       | cmd:jq            | reads results
bench | bc                       | cmd:bc            | adds up seconds
bench | python3                  | cmd:/usr/bin/python3 | makes the tables
bench | tcpdump                  | cmd:tcpdump       | the floor to compare with
bench | softflowd                | cmd:softflowd     | peer: flow counter
bench | nfdump                   | cmd:nfpcapd       | peer: nfpcapd
bench | tcpflow                  | cmd:tcpflow       | peer: stream writer
bench | tshark                   | cmd:tshark        | peer: conversations
lint  | clang                    | cmd:clang         | compiles the headers for BPF
lint  | gcc                      | cmd:gcc           | compiles the headers for user space
lint  | clang-format             | cmd:clang-format  | checks the format
lint  | shellcheck               | cmd:shellcheck    | checks the scripts
lint  | mandoc                   | cmd:mandoc        | checks the man pages
END
}

installed() { # PACKAGE HOW
    case $2 in
    cmd:*) command -v "${2#cmd:}" ;;
    pc:*) pkg-config --exists "${2#pc:}" || dpkg-query -s "$1" ;;
    rt:*) ls "$(clang -print-resource-dir)"/lib/*/libclang_rt."${2#rt:}"* ;;
    pkg) dpkg-query -W -f '${db:Status-Abbrev}' "$1" | grep -q '^ii' ;;
    esac >/dev/null 2>&1
}

enabled_units() { find /etc/systemd/system -type l -path '*.wants/*' -printf '%f\n' 2>/dev/null | sort; }

# Daemons that come with a package are for tests to start: none may run, now or after a reboot, because of us.
apt_install() { # PACKAGE...
    local policy=/usr/sbin/policy-rc.d before unit ok=0
    local env=(env DEBIAN_FRONTEND=noninteractive)
    before=$(enabled_units)
    if [ ! -e $policy ]; then
        # shellcheck disable=SC2064
        trap "${root[*]} rm -f $policy" EXIT
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
        "${root[@]}" chmod 755 $policy
    fi
    "${root[@]}" "${env[@]}" apt-get update -qq || echo "deps: apt-get update failed; using its old lists" >&2
    "${root[@]}" "${env[@]}" apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@" >/dev/null </dev/null || ok=$?
    if command -v systemctl >/dev/null; then
        comm -13 <(echo "$before") <(enabled_units) | while read -r unit; do
            "${root[@]}" systemctl -q disable "$unit" || true
        done
    fi
    return $ok
}

export PATH=$PATH:/usr/sbin:/sbin
[ $# -gt 0 ] || set -- build
for group; do
    table | grep -q "^$group " || { echo "deps: no group '$group'; see the head of $0" >&2; exit 2; }
done

missing=()
while IFS='|' read -r group package how why; do
    read -r group package how <<<"$group $package $how"
    case " $* " in *" $group "*) ;; *) continue ;; esac
    case " ${missing[*]-} " in *" $package "*) continue ;; esac
    installed "$package" "$how" && continue
    printf 'missing: %-24s %s\n' "$package" "(${why# })"
    missing+=("$package")
done < <(table)
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "deps: no apt-get here; install what is named above by hand" >&2
    exit 1
fi
root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps: neither root nor sudo here; as root: apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    root=(sudo)
fi
echo "installing: ${missing[*]}"
apt_install "${missing[@]}" || { echo "deps: apt-get could not install all of: ${missing[*]}" >&2; exit 1; }
