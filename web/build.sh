#!/bin/sh
# Builds the console, whose page is $1, if a source is newer than the page. The types of its operations are
# generated first, which fails if the schema does not have what they select. They rarely change with the schema.
set -eu
cd "$(dirname "$0")"
page=../$1

# newer FILE PATH...: whether FILE does not exist or is older than a file in one of the paths.
newer() {
	file=$1
	shift
	[ ! -e "$file" ] || [ -n "$(find "$@" \( -name node_modules -o -name e2e \) -prune -o -type f -newer "$file" -print)" ]
}

if newer node_modules/.package-lock.json package-lock.json; then
	npm ci --no-audit --no-fund
fi
npm run --silent codegen
if newer "$page" . ../clients/js/src; then
	npm run --silent build
fi
touch "$page"
