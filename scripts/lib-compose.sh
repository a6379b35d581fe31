# shellcheck shell=bash
# Which stack a command is for: the embedded one if it runs, else that of Docker Compose if that does.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Version 2 is a part of docker, version 1 a command of its own.
compose() {
    if docker compose version >/dev/null 2>&1; then
        docker compose -f "$root/docker-compose.yml" "$@"
    else
        docker-compose -f "$root/docker-compose.yml" "$@"
    fi
}

compose_runs() {
    command -v docker >/dev/null && [ -e "$root/.env" ] && compose ps --services --filter status=running 2>/dev/null | grep -qx worker
}

# run_paylink ARGUMENTS...: the command `paylink`, where the stack is.
run_paylink() {
    local installed=$root/.venv/bin/paylink terminal=-T
    if [ -x "$installed" ]; then
        case ${1:-} in up | down | '' | -*) exec "$installed" "$@" ;; esac
        if "$installed" status >/dev/null 2>&1 || ! compose_runs; then
            exec "$installed" "$@"
        fi
    elif ! compose_runs; then
        echo "${0##*/}: PayLink does not run; start it with ./scripts/up, or with docker compose up" >&2
        exit 1
    fi
    if [ "${1:-}" = logs ]; then
        echo "${0##*/}: the containers' logs are Docker's: docker compose logs --follow [SERVICE]" >&2
        exit 1
    fi
    if [ -t 0 ] && [ -t 1 ]; then terminal=; fi
    # shellcheck disable=SC2086  # nothing, or one word
    compose exec $terminal worker paylink "$@"
}
