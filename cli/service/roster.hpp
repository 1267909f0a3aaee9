// Roster: the sources of a mount, and the state of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/recheck_progress.hpp"
#include "cache/records/pins.hpp"
#include "cli/service/torrent_facts.hpp"
#include "cli/service/torrent_limits.hpp"
#include "engine/session/engine.hpp"
#include "fs/mounted_torrent.hpp"

namespace btfs::cli {

struct RosterEntry {
    std::string name = {};                     ///< as its source calls it: a URL, until more is known
    std::string info_hash = {};                ///< in hex; empty until it is known
    std::string url = {};                      ///< of its file, without secrets; empty if it came another way
    std::string source_url = {};               ///< AddedSources::name_of() the URL with its secrets
    std::string fetch = {};                    ///< the state of that download
    std::optional<TorrentHandle> handle = {};  ///< once the engine has it
    std::optional<Slot> slot = {};             ///< once it is in the mount
    std::string problem = {};                  ///< why it will never be there
    std::string label = {};     ///< the user's, to tell torrents apart; several: see labels_of()
    bool pinned_whole = false;  ///< all of its files are pinned once they are known
    /// The same of some files, by their places among those that ContentReport lists. Empty if pinned_whole.
    Pins pinned_files = {};
    /// Places in the torrent of the files that are pinned, neighbours as one; null: none is.
    std::shared_ptr<const std::vector<ByteRange>> pinned = {};
    std::string record = {};        ///< its name among the AddedSources; empty: it is none of them
    bool of_earlier_mount = false;  ///< its record was written by one
    /// The command line names it, whether it has a record or not: a later mount has it before it reads
    /// records.
    bool of_command_line = false;
    TorrentLimits limits = {};  ///< the user's
    bool paused = false;        ///< by the user
    /// In tiers, as the user has changed them; nothing: those of the source.
    std::optional<std::vector<std::vector<std::string>>> trackers = {};
    std::int64_t added_ms = 0;        ///< milliseconds since 1970
    std::int64_t shown_ms = 0;        ///< when it came into this mount; 0 until then
    std::uint64_t bytes_pinned = 0;   ///< size of the files that are pinned
    bool all_pinned = false;          ///< they are all files
    std::string library_folder = {};  ///< of the Library, where a link leads to it; empty: none
    /// Null until the engine has it.
    std::shared_ptr<const TorrentFacts> facts = {};

    /// Of its store, once a recheck was asked for.
    std::shared_ptr<const RecheckProgress> recheck = {};

    bool visible() const { return slot.has_value(); }
    /// Nothing unless what the cache has of it is being verified anew.
    std::optional<RecheckProgress::State> verifying() const {
        return recheck ? recheck->get() : std::nullopt;
    }
    /// The engine never had it, and will not.
    bool has_failed() const { return !problem.empty() && !handle; }
    /// True if the torrent was paused before its files are known: no peer is asked for them.
    bool held_back() const { return paused && handle && !settled(); }
    bool settled() const { return visible() || !problem.empty(); }
};

/// Called on any thread.
class Roster {
  public:
    using Index = std::size_t;

    /// Returns the number by which users and clients of the RPC know an entry.
    static constexpr std::uint64_t id_of(Index index) { return index + 1; }
    /// Returns the name of an entry that stays the same as long as it is there: "id:3".
    static std::string id_text(Index index) { return "id:" + std::to_string(id_of(index)); }

    Index add(RosterEntry entry) {
        std::lock_guard lock(mutex_);
        const Index index = next_++;
        const auto added = entries_.emplace(index, std::move(entry)).first;
        note_hash(index, added->second.info_hash);
        unsettled_ += added->second.settled() ? 0 : 1;
        return index;
    }
    /// `change` is short, and calls nothing that locks.
    template <class F>
    void update(Index index, F change) {
        std::unique_lock lock(mutex_);
        RosterEntry& entry = entries_.at(index);
        const std::string earlier_hash = entry.info_hash;
        const bool was_settled = entry.settled();
        change(entry);
        if (entry.info_hash != earlier_hash) {
            forget_hash(index, earlier_hash);
            note_hash(index, entry.info_hash);
        }
        if (was_settled == entry.settled()) return;
        unsettled_ += was_settled ? 1 : -1;
        tell_settled(lock);
    }
    /// Has a function called whenever the last entry that was not settled is settled or removed, on the
    /// thread that did it. It must not wait.
    void on_settled(std::function<void()> call) {
        std::lock_guard lock(mutex_);
        on_settled_ = std::move(call);
    }
    /// Runs `bring`. If it throws, the entry has failed for good: the message becomes its problem, for the
    /// status, and the exception is thrown on.
    template <class F>
    void or_fail(Index index, F bring) {
        try {
            bring();
        } catch (const std::exception& failure) {
            update(index, [&](RosterEntry& entry) { entry.problem = failure.what(); });
            throw;
        }
    }
    /// Removes an entry: its torrent leaves the mount, or has another entry.
    void remove(Index index) {
        std::unique_lock lock(mutex_);
        const auto found = entries_.find(index);
        if (found == entries_.end()) return;
        forget_hash(index, found->second.info_hash);
        const bool was_settled = found->second.settled();
        entries_.erase(found);
        if (was_settled) return;
        --unsettled_;
        tell_settled(lock);
    }
    bool has(Index index) const {
        std::lock_guard lock(mutex_);
        return entries_.contains(index);
    }
    /// True if its torrent is in the mount.
    bool is_shown(Index index) const {
        std::lock_guard lock(mutex_);
        const auto found = entries_.find(index);
        return found != entries_.end() && found->second.visible();
    }
    RosterEntry get(Index index) const {
        std::lock_guard lock(mutex_);
        return entries_.at(index);
    }
    /// Returns nothing if it was removed.
    std::optional<RosterEntry> get_if(Index index) const {
        std::lock_guard lock(mutex_);
        const auto found = entries_.find(index);
        return found == entries_.end() ? std::nullopt : std::optional(found->second);
    }
    /// Finds an entry by its info-hash in hex. O(1).
    std::optional<Index> find(const std::string& info_hash) const {
        std::lock_guard lock(mutex_);
        const auto found = by_hash_.find(info_hash);
        return found == by_hash_.end() ? std::nullopt : std::optional(found->second);
    }
    /// Returns all info-hashes that are known, in hex, in no order.
    std::vector<std::string> info_hashes() const {
        std::lock_guard lock(mutex_);
        std::vector<std::string> hashes;
        hashes.reserve(by_hash_.size());
        for (const auto& [hash, index] : by_hash_) hashes.push_back(hash);
        return hashes;
    }
    /// Returns all entries in the order of add().
    std::vector<std::pair<Index, RosterEntry>> all() const {
        std::lock_guard lock(mutex_);
        return {entries_.begin(), entries_.end()};
    }

  private:
    void tell_settled(std::unique_lock<std::mutex>& lock) {
        if (unsettled_ > 0 || !on_settled_) return;
        const std::function<void()> call = on_settled_;
        lock.unlock();
        call();
    }
    void note_hash(Index index, const std::string& hash) {
        if (!hash.empty()) by_hash_.insert_or_assign(hash, index);
    }
    void forget_hash(Index index, const std::string& hash) {
        const auto found = by_hash_.find(hash);
        if (found != by_hash_.end() && found->second == index) by_hash_.erase(found);
    }

    mutable std::mutex mutex_;  // guards what follows
    Index next_ = 0;
    std::map<Index, RosterEntry> entries_;
    std::function<void()> on_settled_;
    std::ptrdiff_t unsettled_ = 0;                    ///< entries
    std::unordered_map<std::string, Index> by_hash_;  ///< the newest entry of each info-hash
};

}  // namespace btfs::cli
