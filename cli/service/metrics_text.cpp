#include "cli/service/metrics_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace btfs::cli {
namespace {

/// Writes metrics one after the other.
class Metrics {
  public:
    enum class Type { gauge, counter, histogram };

    /// Begins a metric; its values follow.
    Metrics& begin(const char* name, Type type, const char* help) {
        name_ = name;
        fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                       type == Type::counter     ? "counter"
                       : type == Type::histogram ? "histogram"
                                                 : "gauge");
        return *this;
    }
    template <class Number>
    Metrics& value(Number number) {
        fmt::format_to(std::back_inserter(text_), "{} {}\n", name_, number);
        return *this;
    }
    template <class Number>
    Metrics& value(const char* label, const char* of, Number number) {
        fmt::format_to(std::back_inserter(text_), "{}{{{}=\"{}\"}} {}\n", name_, label, of, number);
        return *this;
    }
    /// A histogram of one label, whose buckets hold what is below them, too.
    Metrics& histogram(const char* of, const ReadTimesStatus::Histogram& times) {
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < times.counts.size(); ++i) {
            count += times.counts[i];
            const std::string bound =
                i < ReadTimesStatus::kBounds.size() ? fmt::format("{}", ReadTimesStatus::kBounds[i]) : "+Inf";
            fmt::format_to(std::back_inserter(text_), "{}_bucket{{source=\"{}\",le=\"{}\"}} {}\n", name_, of,
                           bound, count);
        }
        fmt::format_to(std::back_inserter(text_),
                       "{0}_sum{{source=\"{1}\"}} {2}\n{0}_count{{source=\"{1}\"}} {3}\n", name_, of,
                       times.seconds, count);
        return *this;
    }
    std::string take() { return std::move(text_); }

  private:
    std::string text_;
    const char* name_ = "";
};

struct Peers {
    std::size_t tcp = 0, utp = 0, web_seeds = 0;
};

struct Torrents {
    std::size_t ready = 0, paused = 0, waiting = 0, failed = 0;
    std::uint64_t size = 0, had = 0;
    Peers peers;
};

Torrents sum_of(const MountReport& report) {
    Torrents sum;
    for (const TorrentReport& torrent : report.torrents) {
        const RosterEntry& entry = torrent.entry;
        // In the order of state_text().
        ++(!entry.problem.empty() ? sum.failed
           : entry.paused         ? sum.paused
           : entry.visible()      ? sum.ready
                                  : sum.waiting);
        if (!torrent.status) continue;
        if (const auto& content = torrent.status->content) {
            sum.size += content->size;
            sum.had += content->size - content->left;
        }
        for (const PeerStatus& peer : torrent.status->connections)
            ++(peer.web_seed ? sum.peers.web_seeds : peer.utp ? sum.peers.utp : sum.peers.tcp);
    }
    return sum;
}

}  // namespace

std::string metrics_text(const MountReport& report) {
    using enum Metrics::Type;
    const Torrents torrents = sum_of(report);
    std::size_t waiting = 0;
    Duration longest{};
    for (const ReaderStatus& reader : report.readers) {
        waiting += reader.waiting;
        longest = std::max(longest, reader.waited);
    }
    Metrics metrics;
    metrics.begin("btfs_info", gauge, "The program that serves the mount.").value("version", BTFS_VERSION, 1);
    metrics.begin("btfs_uptime_seconds", gauge, "Time since the mount was made.").value(seconds(report.age));
    metrics.begin("btfs_torrents", gauge, "Torrents of the mount.")
        .value("state", "ready", torrents.ready)
        .value("state", "paused", torrents.paused)
        .value("state", "waiting", torrents.waiting)
        .value("state", "failed", torrents.failed);
    metrics.begin("btfs_content_bytes", gauge, "Size of all torrents that are known.").value(torrents.size);
    metrics.begin("btfs_content_had_bytes", gauge, "Bytes of them that are here.").value(torrents.had);
    metrics.begin("btfs_peers", gauge, "Connections.")
        .value("transport", "tcp", torrents.peers.tcp)
        .value("transport", "utp", torrents.peers.utp)
        .value("transport", "web_seed", torrents.peers.web_seeds);
    metrics.begin("btfs_received_bytes_total", counter, "Content received from peers and web seeds.")
        .value("source", "tcp", report.totals.received.tcp)
        .value("source", "utp", report.totals.received.utp)
        .value("source", "web_seed", report.totals.received.web_seeds);
    metrics
        .begin("btfs_wasted_bytes_total", counter, "Content received twice, or that did not match its hash.")
        .value(report.totals.wasted);
    metrics.begin("btfs_sent_bytes_total", counter, "Content sent to peers.").value(report.totals.sent);
    metrics
        .begin("btfs_hedges_total", counter, "Requests for blocks that another peer was asked for already.")
        .value(report.totals.hedges);
    metrics
        .begin("btfs_read_seconds", Metrics::Type::histogram,
               "Reads that were answered, from the cache at once, or after bytes came from the swarm.")
        .histogram("cache", report.read_times.cache)
        .histogram("swarm", report.read_times.swarm);
    metrics
        .begin(
            "btfs_read_bytes_total", counter,
            "Bytes of files that were read, all from the cache at once, or after bytes came from the swarm. "
            "What the kernel reads by itself, from its page cache or a passthrough file, is not seen.")
        .value("source", "cache", report.read_times.cache.bytes)
        .value("source", "swarm", report.read_times.swarm.bytes);
    metrics.begin("btfs_stalls_total", counter, "Reads that waited for a second or longer.")
        .value(report.read_times.stalls);
    metrics.begin("btfs_open_files", gauge, "Files of torrents that are open.").value(report.readers.size());
    metrics
        .begin("btfs_scans_total", counter,
               "Openings of files that were taken to be scans: nothing was fetched ahead.")
        .value(report.scans);
    metrics.begin("btfs_waiting_reads", gauge, "Reads that wait for bytes.").value(waiting);
    metrics.begin("btfs_longest_wait_seconds", gauge, "How long the first of them has been waiting.")
        .value(seconds(longest));
    if (report.cache_limit) {
        metrics.begin("btfs_cache_bytes", gauge, "Bytes on disk that the cache takes.")
            .value(report.cache_used);
        metrics.begin("btfs_cache_limit_bytes", gauge, "Most bytes on disk that it may take.")
            .value(*report.cache_limit);
        metrics
            .begin("btfs_cache_evicted_bytes_total", counter,
                   "Bytes that were chosen to make room for others.")
            .value(report.cache_evicted);
    }
    return metrics.take();
}

}  // namespace btfs::cli
