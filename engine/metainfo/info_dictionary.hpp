// The info dictionary's v1 part: names, files, pieces. For metainfo.cpp alone.
#pragma once

#include "engine/metainfo/bencode.hpp"
#include "engine/metainfo/charset.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs {

/// Fills identity, name, layout, files, hashes, is_private and info_bytes. Hybrids are read as v1, and get
/// both hashes. `charset` is the encoding of names that are not UTF-8; null if it is not known. Errors:
/// torrent_unsupported_version for what is v2 only, else torrent_* for what is wrong with it.
Result<Metainfo> read_info(const bencode::Value& info, const Charset* charset);

}  // namespace btfs
