#!/usr/bin/env bash
# The two commands of the README on a clone with nothing done before: `npm start`, a push and a pull by a real client,
# a clean end; then `npm test`. Clones the commit that is checked out here; its last line is
# `N passed, N failed, N skipped`. Needs what a fresh machine has (Node, npm, git), and skopeo as the client.
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
work=$(mktemp -d "${TMPDIR:-/tmp}/bonded-fresh-clone-XXXXXX")
clone=$work/bonded
output=$work/output
passed=0
failed=0
server=
host=
setsid=$(command -v setsid)

# Processes whose program lies in the clone: Bun, and so every server.
ours() {
  local exe
  for exe in /proc/[0-9]*/exe; do
    case $(readlink "$exe" 2>/dev/null) in "$clone"/*) exe=${exe#/proc/} && echo "${exe%/exe}" ;; esac
  done
}

finish() {
  local pid
  if [ -n "$server" ]; then kill -KILL -- "-$server" 2>/dev/null || true; fi
  for pid in $(ours); do kill -KILL "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# check NAME COMMAND…: one test.
check() {
  local name=$1 begun=$SECONDS
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "pass  $name ($((SECONDS - begun)) s)"
  else
    failed=$((failed + 1))
    echo "FAIL  $name ($((SECONDS - begun)) s)"
  fi
}

# until_true SECONDS COMMAND…
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.2
  done
}

# A PATH with the programs of the base system, Node, npm and git, and nothing else.
mkdir "$work/path" "$work/home"
for program in node npm npx git sh bash env arch basename cat chmod chown cp cut date dd dirname du echo expr false \
  find grep gzip head hostname id kill ln ls mkdir mkfifo mktemp mv nproc od printf ps pwd readlink realpath rm rmdir sed \
  seq sha256sum sleep sort stat sync tail tar tee test timeout touch tr true uname uniq wc which xargs; do
  found=$(command -v "$program") && case $found in /*) ln -s "$found" "$work/path/$program" ;; esac
done

# How this machine reaches its package registry is a property of the machine, not of the clone.
machine=()
userconfig=$(npm config get userconfig)
if [ -f "$userconfig" ]; then machine+=("NPM_CONFIG_USERCONFIG=$userconfig"); fi
for name in npm_config_registry npm_config_cafile npm_config_globalconfig NODE_EXTRA_CA_CERTS SSL_CERT_FILE \
  http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
  if [ -n "${!name-}" ]; then machine+=("$name=${!name}"); fi
done

# become COMMAND…: turns this shell into it, in the clone, with an environment that nobody has touched.
become() {
  cd "$clone" && exec env -i PATH="$work/path" HOME="$work/home" "${machine[@]}" "$@"
}

fresh() { (become "$@"); }

# start SECONDS: npm start, until it answers.
start() {
  local deadline=$((SECONDS + $1))
  : >"$output"
  # A session of its own, so that a signal to the group reaches what Ctrl-C would reach, and not us.
  become "$setsid" npm start >"$output" 2>&1 &
  server=$!
  until answers; do
    if [ $SECONDS -ge $deadline ] || ! kill -0 "$server" 2>/dev/null; then
      sed 's/^/      /' "$output"
      return 1
    fi
    sleep 0.2
  done
}

# The port is 5000 or the next free one.
answers() {
  host=$(sed -n 's#.*serving on http://\(127\.0\.0\.1:[0-9]*\).*#\1#p' "$output" | head -n 1)
  [ -n "$host" ] && fresh node -e "fetch('http://$host/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
}

# ends SIGNAL TARGET: the server drains, says so, and leaves no process behind.
ends() {
  kill "-$1" -- "$2" || return 1
  wait "$server" || true
  if until_true 15 nothing_runs && grep -q '"msg":"stopped"' "$output"; then
    server=
    return
  fi
  tail -n 5 "$output"
  return 1
}

nothing_runs() { [ -z "$(ours)" ]; }

image() {
  fresh node_modules/.bonded/bun -e "await (await import('./test/support/oci-layout.ts')).writeOciLayout('$work/image')"
}

# What clients need to be the operator, in files that expire.
sign_in() {
  fresh node_modules/.bonded/bun -e "
    (await import('./test/support/credentials.ts')).knownServer('http://$host', '$clone/data');
    await (await import('./test/support/sign-in.ts')).signIn('$work/credentials', 'http://$host');"
}

push() {
  sign_in || return 1
  skopeo --insecure-policy copy --authfile "$work/credentials/auth.json" --quiet --preserve-digests --dest-tls-verify=false "oci:$work/image:latest" "docker://$host/team/app:1.0"
}

pull() {
  rm -rf "$work/pulled"
  sign_in || return 1
  skopeo --insecure-policy copy --authfile "$work/credentials/auth.json" --quiet --preserve-digests --src-tls-verify=false "docker://$host/team/app:1.0" "oci:$work/pulled:latest"
  [ "$(digests "$work/image")" = "$(digests "$work/pulled")" ] && [ "$(digests "$work/image" | wc -l)" = 3 ]
}

digests() { (cd "$1/blobs/sha256" && sha256sum -- * | awk '$1 == $2 { print $1 }'); }

unchanged() {
  git -C "$clone" status --porcelain >"$output" && [ ! -s "$output" ] && return
  sed 's/^/      /' "$output"
  return 1
}

tests() {
  local code=0
  fresh BONDED_FRESH_CLONE=1 npm test >"$output" 2>&1 || code=$?
  grep -Eq '^[1-9][0-9]* passed, 0 failed, [0-9]+ skipped$' <(tail -n 1 "$output") && [ $code = 0 ] && return
  sed 's/^/      /' "$output"
  return 1
}

# Whoever owns this checkout, its commits are what is to be tested.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'

check 'the commit can be cloned' git clone --quiet --no-hardlinks "$source" "$clone"
check 'npm start installs what is missing and serves' start 300
if [ $failed = 0 ]; then
  check 'a test image can be made' image
  check 'skopeo pushes it' push
  check 'skopeo pulls it, with the same digests' pull
  check 'the data is in ./data' test -s "$clone/data/bonded.db"
  check 'SIGTERM to npm ends the server cleanly' ends TERM "$server"
  check 'npm start serves again, at once' start 15
  check 'without installing anything' eval '! grep -q Installing "$output"'
  check 'what was pushed is still there' pull
  check 'Ctrl-C ends it cleanly' ends INT "-$server"
  check 'npm test passes' tests
  check 'the clone is as it was' unchanged
fi

echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
