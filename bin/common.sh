# shellcheck shell=bash
# What bin/run and bin/test share: the tools that must be there, and the set-up of the Python and Node parts.

CACHE_HOME="${XDG_CACHE_HOME:-$HOME/.cache}/omtx-hub"
if [ -n "${CI:-}" ]; then
  # The next clone finds what this one compiled.
  export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$CACHE_HOME/target}"
fi

# Clones that share a target folder take turns. Cargo tells by times whether a file has changed, and takes two clones
# for one, so a file of this clone that is older than what another one compiled would be passed over: all are touched.
take_target() {
  [ -n "${CI:-}" ] || return 0
  mkdir -p "$CARGO_TARGET_DIR"
  exec 9>"$CARGO_TARGET_DIR/.turn"
  flock --nonblock 9 || timed "waiting for another clone's turn" flock 9
  if [ "$(cat "$CARGO_TARGET_DIR/.checkout" 2>/dev/null)" != "$PWD" ]; then
    find . \( -name .git -o -name node_modules -o -name .venv -o -path ./target \) -prune -o -type f -exec touch {} +
    echo "$PWD" >"$CARGO_TARGET_DIR/.checkout"
  fi
}

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "✗ $*"
  exit 1
}

# Runs a command under a name, tells its time. Bash does not stop at errors in there: steps of a command are joined by &&.
timed() {
  local name=$1 began=$SECONDS
  shift
  say "· $name"
  "$@" || return
  say "✓ $name ($((SECONDS - began)) s)"
}

# A free port of this machine.
free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}

need_tools() {
  command -v cargo >/dev/null || fail "Rust is missing: https://rustup.rs"
  command -v cc >/dev/null || fail "A C compiler is missing: on Debian or Ubuntu, apt-get install build-essential"
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    fail "Node 20 or newer with npm is missing: https://nodejs.org"
  fi
  local node_major
  node_major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$node_major" -ge 20 ] || fail "Node $node_major is too old; 20 or newer is needed: https://nodejs.org"
}

# The first Python that the worker's packages exist for.
find_python() {
  local name
  for name in python3.12 python3.11 python3.10 python3; do
    if command -v "$name" >/dev/null &&
      "$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  fail "Python 3.10, 3.11 or 3.12 with its venv module is missing: on Debian or Ubuntu, apt-get install python3-venv"
}

# What was set up from which lock is written down in the folder itself, and not trusted when the lock is another.
is_set_up() { [ -f "$1/.locks" ] && grep -qx "$2" "$1/.locks"; }

hash_of() { cat "$@" | sha256sum | cut -c1-16; }

# worker/.venv with what a lock of worker/ lists. When CI is set it is a link to one that is kept outside of the checkout.
set_up_worker() {
  local lock=worker/$1 python hash venv=worker/.venv
  hash=$(hash_of "$lock")
  is_set_up "$venv" "$hash" && return
  python=$(find_python)
  if [ -n "${CI:-}" ]; then
    venv=$CACHE_HOME/venv-$hash
    rm -rf worker/.venv
    mkdir -p "$CACHE_HOME"
    ln -s "$venv" worker/.venv
    is_set_up "$venv" "$hash" && return
  fi
  timed "Python packages of $lock" install_worker "$python" "$lock" "$venv"
  # The lock of the tests lists all that the worker needs, and more.
  hash_of worker/requirements.lock >"$venv/.locks"
  echo "$hash" >>"$venv/.locks"
}

install_worker() {
  "$1" -m venv --clear "$3" &&
    "$3/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$2"
}

# node_modules of a folder, as its lock says.
set_up_node() {
  local folder=$1 hash
  hash=$(hash_of "$folder/package-lock.json")
  is_set_up "$folder/node_modules" "$hash" && return
  timed "npm packages of $folder/" npm ci --prefix "$folder" --loglevel=error --no-audit --no-fund
  echo "$hash" >"$folder/node_modules/.locks"
}

# Whether gcloud has the Firestore emulator, and Java to run it.
has_emulator() {
  command -v gcloud >/dev/null && command -v java >/dev/null &&
    [ -d "$(gcloud info --format='value(installation.sdk_root)' 2>/dev/null)/platform/cloud-firestore-emulator" ]
}

# A Firestore emulator at a free port; emulator_host is where, stop_emulator ends it.
emulator_pid=''
start_emulator() {
  local port log
  port=$(free_port)
  log=$(mktemp)
  # It is a shell, a Python and a Java: as a group they can be ended together.
  set -m
  gcloud emulators firestore start --host-port="127.0.0.1:$port" >"$log" 2>&1 </dev/null 9>&- &
  emulator_pid=$!
  set +m
  # shellcheck disable=SC2034 # whoever starts it reads it
  emulator_host=127.0.0.1:$port
  until (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    if ! kill -0 "$emulator_pid" 2>/dev/null; then
      cat "$log" >&2
      return 1
    fi
    sleep 0.2
  done
  rm -f "$log"
}

# shellcheck disable=SC2317 # the trap calls it
stop_emulator() {
  [ -n "$emulator_pid" ] || return 0
  kill -TERM -- "-$emulator_pid" 2>/dev/null || true
  wait "$emulator_pid" 2>/dev/null || true
  emulator_pid=''
}
