#!/usr/bin/env bash
# Installs what the gateway's pages are made with, each file checked against the lock's hash, and
# lays the few files that browsers get into edge/web/vendor. No package's own scripts are run.
set -euo pipefail
cd "$(dirname "$0")/../../edge/web"

npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
rm -rf vendor.new
mkdir vendor.new
cp node_modules/htmx.org/dist/htmx.min.js \
    node_modules/@alpinejs/csp/dist/cdn.min.js \
    node_modules/uplot/dist/uPlot.esm.js \
    node_modules/uplot/dist/uPlot.min.css \
    node_modules/zxing-wasm/dist/reader/zxing_reader.wasm \
    node_modules/zxing-wasm/dist/iife/reader/index.js \
    vendor.new/
mv vendor.new/cdn.min.js vendor.new/alpine.min.js
mv vendor.new/index.js vendor.new/zxing-reader.js
rm -rf vendor
mv vendor.new vendor
