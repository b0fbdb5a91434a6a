#!/bin/sh
# Starts imgproof with keys that come from files: a variable NAME_API_KEY_FILE becomes NAME_API_KEY, with the content of
# the file it names. So a key stands neither in docker-compose.yml nor in `docker inspect`.
set -eu

for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*_API_KEY\)_FILE=..*$/\1/p'); do
  file=$(printenv "${name}_FILE")
  if ! key=$(cat "$file"); then
    echo "start.sh: ${name}_FILE names a file that this user can't read; see docs/deployment.md" >&2
    exit 3
  fi
  export "${name}=${key}"
  unset "${name}_FILE"
done

exec node "$(dirname "$0")/../../bin/imgproof.js" "$@"
