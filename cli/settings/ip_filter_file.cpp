#include "cli/settings/ip_filter_file.hpp"

#include <utility>

#include "cache/disk/linux_files.hpp"
#include "cli/process/failure.hpp"
#include "engine/filter/filter_reader.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

constexpr std::size_t kPart = 256 << 10;

Result<FilterFile> read_filter(const std::filesystem::path& path) {
    LinuxFiles files;
    auto file = files.open(path, {.follow_links = true});
    if (!file) return file.error();
    FilterReader reader;
    Bytes part(kPart);
    for (std::uint64_t offset = 0;;) {
        const auto size = (*file)->read(offset, part);
        if (!size) return size.error();
        if (*size == 0) return reader.finish();
        if (auto taken = reader.feed(ByteView(part).first(*size)); !taken) return taken.error();
        offset += *size;
    }
}

}  // namespace

std::shared_ptr<const IpFilter> load_ip_filter(const std::filesystem::path& path) {
    if (path.empty()) return nullptr;
    auto read = read_filter(path);
    if (!read) throw Failure("IP filter " + path.string(), read.error());
    const IpFilter& filter = read->filter;
    log::info("IP filter {}: {} entries, {} ranges of IPv4 and {} of IPv6", path.string(), read->entries,
              filter.v4_range_count(), filter.v6_range_count());
    if (read->unreadable > 0)
        log::warn("IP filter {}: {} line(s) are not understood, and left out; the first is line {}",
                  path.string(), read->unreadable, read->first_unreadable);
    return std::make_shared<const IpFilter>(std::move(read->filter));
}

IpFilterReader::IpFilterReader(std::filesystem::path path, std::shared_ptr<const IpFilter> first,
                               Engine& engine)
    : path_(std::move(path)), engine_(engine) {
    take(std::move(first));
    if (!path_.empty()) worker_.start();
}

void IpFilterReader::reread() {
    if (path_.empty() || waits_.exchange(true)) return;
    worker_.post([this] { take_file(); });
}

std::size_t IpFilterReader::reread_now() {
    return worker_.call([this] {
        take(load_ip_filter(path_));
        return range_count();
    });
}

void IpFilterReader::take(std::shared_ptr<const IpFilter> filter) {
    range_count_ = filter ? filter->v4_range_count() + filter->v6_range_count() : 0;
    engine_.set_ip_filter(std::move(filter));
}

void IpFilterReader::take_file() {
    waits_ = false;
    try {
        take(load_ip_filter(path_));
    } catch (const Failure& failure) {
        log::warn("{}; the filter of before stays in force", failure.what());
    }
}

}  // namespace btfs::cli
