// Opens those of the descriptors 0, 1 and 2 that are closed.
#pragma once

namespace btfs::cli {

/// Opens /dev/null in place of each of stdin, stdout and stderr that is closed, so that no other file gets
/// its number: what is printed would go into that file. Reading stdin and writing stdout or stderr still
/// fail, as they do on a closed descriptor. Called before any other descriptor is opened. Returns false if
/// /dev/null cannot be opened.
bool open_standard_descriptors();

}  // namespace btfs::cli
