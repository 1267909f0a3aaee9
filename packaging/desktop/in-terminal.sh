#!/bin/sh
# Runs btfs for a desktop entry, whose terminal closes when this ends: after a failure it waits, so that the message can be read.
btfs "$@"
code=$?
[ "$code" -eq 0 ] || [ ! -t 0 ] || { printf 'Enter closes this window. '; read -r _; }
exit "$code"
