#!/usr/bin/env bash
# Three commands for a checkout of tubehome, on Debian, Ubuntu or Raspberry Pi OS:
#
#   ./install.sh run [--port N] [--data DIR]    install what is missing, then serve the site
#   ./install.sh test [PYTEST ARGUMENT…]        install what the tests need, then run them all
#   sudo ./install.sh [--data DIR]              install the site as a service of this machine
#
# System packages come from apt, Python packages from requirements.lock (hash by hash) into .venv beside this script.
# For those who need another interpreter or another place: TUBEHOME_PYTHON=python3.13 TUBEHOME_VENV=DIR ./install.sh …
set -euo pipefail

caller=$PWD
cd "$(dirname "$(readlink -f "$0")")"
here=$PWD
python=${TUBEHOME_PYTHON:-}
case ${TUBEHOME_VENV:-} in
    "") venv=$here/.venv ;;
    /*) venv=$(realpath -m "$TUBEHOME_VENV") ;;
    *) venv=$(realpath -m "$caller/$TUBEHOME_VENV") ;;
esac
# A site without bytecode on disk needs 40 MB more and starts two seconds later, so nothing may forbid writing it;
# and no other Python's folders may leak into ours.
unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV

# French first, as everywhere: a machine that names no language (C, POSIX) speaks French.
case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in fr* | C | C.* | POSIX | "") french=1 ;; *) french= ;; esac

say() { # FRENCH ENGLISH
    if [ "$french" ]; then printf '%s\n' "$1" >&2; else printf '%s\n' "$2" >&2; fi
}

refuse() { # FRENCH ENGLISH: used wrongly
    say "$@"
    exit 2
}

give_up() { # FRENCH ENGLISH: the machine's fault
    say "$@"
    exit 1
}

usage() {
    if [ "$french" ]; then
        cat <<'TEXT'
./install.sh run [--port N] [--data DOSSIER]
    installe ce qui manque, puis sert le site sur http://localhost:8000 ; les données vont dans ./var
./install.sh test [ARGUMENTS DE PYTEST]
    installe ce qu'il faut aux tests, puis les lance tous
sudo ./install.sh [--data DOSSIER]
    installe le site comme service de cette machine ; les données vont dans /var/lib/tubehome
TEXT
    else
        cat <<'TEXT'
./install.sh run [--port N] [--data DIR]
    installs what is missing, then serves the site on http://localhost:8000; the data goes to ./var
./install.sh test [PYTEST ARGUMENTS]
    installs what the tests need, then runs them all
sudo ./install.sh [--data DIR]
    installs the site as a service of this machine; the data goes to /var/lib/tubehome
TEXT
    fi
}

# --- system packages -------------------------------------------------------------------------------------------------

find_python() { # prints the first Python that can make our environment
    local candidate
    for candidate in ${python:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

have() { command -v "$1" >/dev/null 2>&1; }

missing_packages() { # run|test: prints the names, one a line
    have ffmpeg && have ffprobe || echo ffmpeg
    venv_works || find_python >/dev/null || echo python3-venv
    [ "$1" = test ] || return 0
    have chromium || echo chromium
    # Screenshots and measured widths need letters, which chromium only recommends.
    [ -e /usr/share/fonts/truetype/liberation ] || [ -e /usr/share/fonts/truetype/liberation2 ] || echo fonts-liberation
    # The Node inside Playwright's package is linked against it, and no other package here asks for it.
    compgen -G '/usr/lib/*/libatomic.so.1' >/dev/null || echo libatomic1
    # One test reads the list of tracked files.
    have git || echo git
}

install_packages() { # run|test
    local -a missing
    mapfile -t missing < <(missing_packages "$1")
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! have apt-get; then
        give_up "Il manque ici : ${missing[*]} (noms des paquets Debian) ; installez-les, puis relancez cette commande." \
            "Missing here: ${missing[*]} (names of Debian packages); install them, then run this command again."
    fi
    if [ "$(id -u)" != 0 ]; then
        give_up "Il manque des paquets ; installez-les, puis relancez cette commande : sudo apt-get install -y ${missing[*]}" \
            "Packages are missing; install them, then run this command again: sudo apt-get install -y ${missing[*]}"
    fi
    say "Installation des paquets ${missing[*]}…" "Installing the packages ${missing[*]}…"
    export DEBIAN_FRONTEND=noninteractive
    # A freshly started machine often holds apt's lock for a minute, for its own upgrades.
    if ! { apt-get -qq -o DPkg::Lock::Timeout=300 update &&
        apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}"; } >/dev/null; then
        give_up "apt-get n'a pas pu installer ${missing[*]} ; sa raison est ci-dessus." \
            "apt-get could not install ${missing[*]}; its reason stands above."
    fi
}

become_owner() { # VERB ARGUMENT…: with sudo in somebody's checkout, nothing there may end up belonging to root
    local owner
    owner=$(stat -c %u "$here")
    if [ "$(id -u)" = 0 ] && [ "$owner" != 0 ]; then
        local home groups=--init-groups
        # A folder shared into a container may belong to a number without a name.
        home=$(getent passwd "$owner" | cut -d: -f6) || groups=--clear-groups
        cd "$caller"
        exec setpriv --reuid "$owner" --regid "$(stat -c %g "$here")" "$groups" \
            env HOME="${home:-/tmp}" "$here/install.sh" "$@"
    fi
}

# --- .venv -----------------------------------------------------------------------------------------------------------

venv_works() { # false for one that is absent, half-made, moved, or whose Python was upgraded or is not the one asked for
    [ -x "$venv/bin/python" ] && [ ! -e "$venv/unfinished" ] || return 1
    "$venv/bin/python" -c '
import importlib.util, sys
sys.exit(sys.prefix != sys.argv[1] or importlib.util.find_spec("pip") is None)' "$venv" 2>/dev/null || return 1
    grep -qF "$venv/bin/" "$venv/bin/pip" 2>/dev/null || return 1
    [ -z "$python" ] || [ "$(python_version "$python")" = "$(python_version "$venv/bin/python")" ]
}

python_version() { "$1" -c 'import sys; print(*sys.version_info[:2])'; }

stamp() { # LOCK: what the environment was made from
    cat "$1" pyproject.toml | sha256sum
}

stamped() { # LOCK
    [ "$(cat "$venv/made-from-$1" 2>/dev/null)" = "$(stamp "$1")" ] && [ -x "$venv/bin/tubehome" ]
}

pip() { "$venv/bin/python" -m pip -qq --disable-pip-version-check --no-input "$@"; }

fill_venv() { # LOCK
    local first="$venv/setuptools.lock"
    # feedgen is published as source only. It is built with the setuptools of the lock, never with one fetched unseen.
    awk '/^[a-z]/ {ours = /^setuptools==/} ours' requirements.lock >"$first"
    pip install --require-hashes --only-binary :all: -r "$first" &&
        pip install --require-hashes --only-binary :all: --no-binary feedgen --no-build-isolation --use-pep517 -r "$1" &&
        # A plain .pth file: setuptools' other way runs code at every start of Python.
        pip install --no-index --no-deps --no-build-isolation --config-settings editable_mode=compat -e . || return 1
    # A few packages carry files that are not meant for this Python: their complaints are no news.
    "$venv/bin/python" -m compileall -qq -j 0 "$venv"/lib/python3*/site-packages >/dev/null 2>&1 || true
    "$venv/bin/python" -m compileall -q tubehome
}

prepare_venv() { # LOCK
    if venv_works && stamped "$1"; then return; fi
    # Two first starts at once (two sites from one checkout) must not build into each other; the second finds it done.
    exec 9<install.sh
    flock 9
    if ! { venv_works && stamped "$1"; }; then
        say "Préparation de l'environnement Python (une seule fois)…" "Preparing the Python environment (only once)…"
        if ! venv_works; then
            local maker
            maker=$(find_python) || give_up "Il faut Python 3.11 ou plus récent, avec son module venv." \
                "Python 3.11 or later is needed, with its venv module."
            if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ] && [ ! -e "$venv/unfinished" ]; then
                give_up "$venv existe et n'est pas un environnement Python ; déplacez-le." \
                    "$venv exists and is not a Python environment; move it away."
            fi
            rm -rf "$venv"
            mkdir -p "$venv"
            : >"$venv/unfinished"
            "$maker" -m venv "$venv"
        fi
        # Whatever stops us from here on leaves this file, and the next start begins afresh.
        : >"$venv/unfinished"
        fill_venv "$1" || give_up "Les paquets Python n'ont pas pu être installés ; la raison est ci-dessus." \
            "The Python packages could not be installed; the reason stands above."
        # The development lock holds every release of the plain one, so what serves tests serves a site as well.
        stamp requirements.lock >"$venv/made-from-requirements.lock"
        stamp "$1" >"$venv/made-from-$1"
        rm "$venv/unfinished"
    fi
    exec 9<&-
}

# --- the verbs -------------------------------------------------------------------------------------------------------

run() {
    local port=8000 data=${TUBEHOME_DATA:-$here/var}
    local -a given=("$@")
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help)
                usage
                return
                ;;
            --port=* | --data=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
            --port | --data)
                [ $# -ge 2 ] || refuse "Il manque une valeur après $1." "A value is missing after $1."
                if [ "$1" = --port ]; then port=$2; else data=$2; fi
                shift 2
                ;;
            *) refuse "« $1 » n'est pas connu ici ; voyez ./install.sh --help." "\"$1\" is not known here; see ./install.sh --help." ;;
        esac
    done
    if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || [ "$port" -gt 65535 ]; then
        refuse "Le port est un nombre de 1 à 65535, pas « $port »." "A port is a number from 1 to 65535, not \"$port\"."
    fi
    case $data in
        /*) ;;
        *) data=$caller/$data ;;
    esac

    install_packages run
    become_owner run "${given[@]}"
    prepare_venv requirements.lock

    # glibc gives each thread an arena of its own, and 256 threads would keep 256 half-empty ones.
    export MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-2}
    if [ ! -e "$data/instance" ]; then
        # What it says of a success (start the server…) is what happens next anyway.
        local said status=0
        said=$("$venv/bin/tubehome" init --data "$data" 2>&1) || status=$?
        if [ "$status" != 0 ]; then
            printf '%s\n' "$said" >&2
            exit "$status"
        fi
    fi
    exec "$venv/bin/tubehome" serve --data "$data" --host 0.0.0.0 --port "$port" --announce
}

print_counts() { # REPORT in JUnit's XML: "N passed, N failed, N skipped", alone on the last line
    "$venv/bin/python" - "$1" <<'PYTHON'
import sys
from xml.etree import ElementTree

total = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
for suite in ElementTree.parse(sys.argv[1]).iter("testsuite"):
    for key in total:
        total[key] += int(suite.get(key, 0))
failed = total["failures"] + total["errors"]
passed = max(0, total["tests"] - failed - total["skipped"])
print(f"{passed} passed, {failed} failed, {total['skipped']} skipped")
PYTHON
}

run_tests() {
    install_packages test
    become_owner test "$@"
    prepare_venv requirements-dev.lock

    local report status=0
    report=$(mktemp --suffix=.xml)
    # shellcheck disable=SC2064 # the name is known now and gone later
    trap "rm -f '$report'" EXIT
    # One more than there are cores, as tests wait a third of the time: for a page, a process, a clock.
    local workers=$(($(nproc) + 1))
    workers=$((workers < 4 ? workers : 4))
    "$venv/bin/python" -m pytest -n "$workers" --dist worksteal --junitxml "$report" "$@" || status=$?
    [ ! -s "$report" ] || print_counts "$report"
    exit "$status"
}

# --- the appliance: a service of this machine ------------------------------------------------------------------------

home=/opt/tubehome config=/etc/tubehome/config.toml unit=/etc/systemd/system/tubehome.service
changed= # what this run has done, for the last sentence

as_tubehome() { setpriv --reuid tubehome --regid tubehome --init-groups env HOME="$data" "$@"; }

place() { # MODE OWNER TARGET: standard input, written only where it differs, whole or not at all
    local said
    said=$(mktemp)
    cat >"$said"
    if ! cmp -s "$said" "$3"; then
        install -m "$1" -o "${2%:*}" -g "${2#*:}" "$said" "$3.new"
        mv "$3.new" "$3"
        changed=1
    fi
    rm "$said"
}

make_user() {
    if getent passwd tubehome >/dev/null; then return; fi
    useradd --system --user-group --home-dir "$data" --no-create-home --shell /usr/sbin/nologin tubehome
    changed=1
}

program_files() { # the program, and nothing of the checkout's own life
    printf '%s\n' tubehome systemd pyproject.toml requirements.lock install.sh README.md LICENSE config.example.toml
}

copy_program() { # nothing of it belongs to the service's user: a hole in the site must not change the program
    local print
    print=$(program_files | xargs -I{} find {} -type f ! -name '*.pyc' ! -path '*.egg-info/*' -print0 |
        sort -z | xargs -0 sha256sum | sha256sum)
    [ "$here" != "$home" ] || return 0
    if [ "$(cat "$home/copied-from" 2>/dev/null)" = "$print" ]; then return; fi
    say "Copie du programme dans $home…" "Copying the program to $home…"
    mkdir -p "$home"
    # The old one stays until the new one is whole; a running site keeps what it has read until it is restarted.
    rm -rf "$home/.next"
    mkdir "$home/.next"
    program_files | xargs -I{} cp -R --preserve=mode,timestamps {} "$home/.next/"
    find "$home/.next" -name __pycache__ -prune -exec rm -rf {} +
    chown -R root:root "$home/.next"
    chmod -R u=rwX,go=rX "$home/.next"
    local name
    while read -r name; do
        rm -rf "${home:?}/$name"
        mv "$home/.next/$name" "$home/$name"
    done < <(program_files)
    rmdir "$home/.next"
    printf '%s\n' "$print" >"$home/copied-from"
    changed=1
}

make_data() { # the folder of a known instance is never made anew: its disk may not be mounted
    if [ -e "$config" ]; then
        if [ ! -e "$data/instance" ]; then
            give_up "Le dossier de données $data n'est pas là, et $config nomme une installation : son disque est-il monté ?" \
                "The data folder $data is not there, and $config names an instance: is its disk mounted?"
        fi
        return
    fi
    if [ ! -e "$data" ]; then
        install -d -o tubehome -g tubehome -m 750 "$data"
        changed=1
    fi
    if [ ! -e "$data/instance" ]; then
        if [ -z "$(ls -A "$data")" ]; then chown tubehome:tubehome "$data"; fi
        local said status=0
        said=$(as_tubehome "$home/.venv/bin/tubehome" init --data "$data" 2>&1) || status=$?
        if [ "$status" != 0 ]; then
            printf '%s\n' "$said" >&2
            exit "$status"
        fi
        changed=1
    fi
}

write_config() { # once: from then on it is the owner's
    [ -e "$config" ] && return
    install -d -m 755 /etc/tubehome
    place 640 root:tubehome "$config" <<TOML
# The machine's configuration; every key is told in $home/config.example.toml.

[data]
folder = "$data"
# A folder without this id is refused: a disk that is not mounted must not become a new, empty site.
instance = "$(cat "$data/instance")"

[server]
host = "0.0.0.0"
port = 8000
TOML
}

write_unit() {
    place 644 root:root "$unit" <"$home/systemd/tubehome.service"
    local dropin=$unit.d/data.conf
    if [ "$data" = /var/lib/tubehome ]; then
        [ ! -e "$dropin" ] || { rm "$dropin" && changed=1; }
        return 0
    fi
    mkdir -p "$unit.d"
    place 644 root:root "$dropin" <<UNIT
# Written by install.sh: the data lie elsewhere.
[Unit]
RequiresMountsFor=$data

[Service]
ReadWritePaths=$data
UNIT
}

write_command() {
    place 755 root:root /usr/local/bin/tubehome <<'SH'
#!/bin/sh
# tubehome of this machine; as root it becomes the user that owns the data.
exec /opt/tubehome/.venv/bin/tubehome "$@"
SH
}

start_service() {
    if [ ! -d /run/systemd/system ]; then
        say "systemd ne tourne pas ici : le service est installé, mais pas démarré. Pour servir : tubehome serve" \
            "systemd does not run here: the service is installed, but not started. To serve: tubehome serve"
        return
    fi
    if [ "$changed" ]; then
        systemctl daemon-reload
        systemctl -q enable tubehome
        systemctl restart tubehome
    else
        systemctl -q enable --now tubehome
    fi
}

appliance() {
    local -a given=("$@")
    data=
    while [ $# -gt 0 ]; do
        case $1 in
            --data=*) set -- --data "${1#*=}" "${@:2}" ;;
            --data)
                [ $# -ge 2 ] || refuse "Il manque une valeur après --data." "A value is missing after --data."
                data=$2
                shift 2
                ;;
            --domain | --domain=* | --email | --email=*)
                refuse "Le nom de domaine et le certificat viendront plus tard ; voyez docs/operations.md, « Behind nginx »." \
                    "Domain and certificate come later; see docs/operations.md, \"Behind nginx\"."
                ;;
            *) refuse "« $1 » n'est pas connu ici ; voyez ./install.sh --help." "\"$1\" is not known here; see ./install.sh --help." ;;
        esac
    done
    if [ "$(id -u)" != 0 ]; then
        refuse "Installer le service demande d'être root : sudo ./install.sh ${given[*]} (ou, pour essayer : ./install.sh run)" \
            "Installing the service takes root: sudo ./install.sh ${given[*]} (or, to try it: ./install.sh run)"
    fi
    local known
    known=$(sed -n 's/^folder = "\(.*\)"$/\1/p' "$config" 2>/dev/null | head -n 1) || true
    data=${data:-${known:-/var/lib/tubehome}}
    case $data in
        *[!A-Za-z0-9._/-]* | *..*) refuse "Le chemin $data ne convient pas : lettres, chiffres, points et tirets." \
            "The path $data will not do: letters, digits, dots and dashes." ;;
        /?*) data=${data%/} ;;
        *) refuse "Donnez le chemin entier du dossier de données, comme /mnt/disque/tubehome." \
            "Give the whole path of the data folder, such as /mnt/disk/tubehome." ;;
    esac
    if [ "$known" ] && [ "$known" != "$data" ]; then
        refuse "$config nomme déjà le dossier $known ; changez-le là, puis relancez." \
            "$config names the folder $known already; change it there, then run this again."
    fi

    umask 022
    install_packages run
    make_user
    copy_program
    cd "$home"
    here=$home venv=$home/.venv
    local before
    before=$(cat "$venv/made-from-requirements.lock" 2>/dev/null || true)
    prepare_venv requirements.lock
    [ "$before" = "$(cat "$venv/made-from-requirements.lock")" ] || changed=1
    "$venv/bin/python" -m compileall -q "$home/tubehome"
    make_data
    write_config
    write_unit
    write_command
    start_service
    finish
}

finish() {
    if [ -z "$changed" ]; then
        say "Tout est en place, rien n'a changé." "Everything is in place, nothing has changed."
    else
        say "tubehome est installé : le programme dans $home, les données dans $data, la configuration dans $config." \
            "tubehome is installed: the program in $home, the data in $data, the configuration in $config."
    fi
    say "Pour ouvrir le site : sudo tubehome owner link" "To open the site: sudo tubehome owner link"
}

case ${1:-} in
    run) run "${@:2}" ;;
    test) run_tests "${@:2}" ;;
    -h | --help | help) usage ;;
    "" | --*) appliance "$@" ;;
    *) refuse "« $1 » n'est pas connu ici ; voyez ./install.sh --help." "\"$1\" is not known here; see ./install.sh --help." ;;
esac
