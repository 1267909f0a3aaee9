#include "tests/cache/support/memory_disk.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace btfs::test {

const Bytes* DiskImage::content(const std::string& name) const {
    const auto found = names.find(name);
    return found == names.end() ? nullptr : &contents.at(found->second);
}

// ---- MemoryDisk ----

struct MemoryDisk::State {
    std::mutex mutex;
    DiskImage image;
    std::map<int, bool> locked;
    std::vector<DiskChange> changes;
    int last_file = 0;
    bool sync_fails = false;
};

namespace {

std::uint64_t bytes_on_disk(const Bytes& content) {
    std::uint64_t bytes = 0;
    for (std::size_t at = 0; at < content.size(); at += kDiskBlock) {
        const ByteView block = ByteView(content).subspan(at, std::min(kDiskBlock, content.size() - at));
        if (std::ranges::any_of(block, [](std::byte b) { return b != std::byte{0}; })) bytes += kDiskBlock;
    }
    return bytes;
}

}  // namespace

std::uint64_t DiskImage::bytes_on_disk() const {
    std::uint64_t bytes = 0;
    for (const auto& [name, file] : names) bytes += test::bytes_on_disk(contents.at(file));
    return bytes;
}

class MemoryDisk::OpenFile final : public File {
  public:
    OpenFile(std::shared_ptr<State> state, int file) : state_(std::move(state)), file_(file) {}
    ~OpenFile() override {
        std::lock_guard lock(state_->mutex);
        if (holds_lock_) state_->locked[file_] = false;
    }

    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override {
        std::lock_guard lock(state_->mutex);
        const Bytes& content = state_->image.contents[file_];
        if (offset >= content.size()) return 0;
        const std::size_t size = std::min<std::size_t>(out.size(), content.size() - offset);
        std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), size, out.begin());
        return size;
    }
    Result<std::size_t> read_cached(std::uint64_t offset, std::span<std::byte> out) override {
        return read(offset, out);
    }
    Result<std::size_t> write(std::uint64_t offset, ByteView bytes) override {
        std::lock_guard lock(state_->mutex);
        Bytes& content = state_->image.contents[file_];
        content.resize(std::max<std::size_t>(content.size(), offset + bytes.size()));
        std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(offset));
        state_->changes.push_back({.kind = DiskChange::Kind::write,
                                   .file = file_,
                                   .at = offset,
                                   .bytes = Bytes(bytes.begin(), bytes.end())});
        return bytes.size();
    }
    Error punch(ByteRange range) override {
        std::lock_guard lock(state_->mutex);
        Bytes& content = state_->image.contents[file_];
        const std::uint64_t end = std::min<std::uint64_t>(range.end, content.size());
        if (end <= range.begin) return {};
        std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(range.begin), end - range.begin,
                    std::byte{0});
        state_->changes.push_back(
            {.kind = DiskChange::Kind::zero, .file = file_, .at = range.begin, .size = end - range.begin});
        return {};
    }
    Error truncate(std::uint64_t size) override {
        std::lock_guard lock(state_->mutex);
        state_->image.contents[file_].resize(size);
        state_->changes.push_back({.kind = DiskChange::Kind::resize, .file = file_, .at = size});
        return {};
    }
    Error sync() override {
        std::lock_guard lock(state_->mutex);
        const bool fails = std::exchange(state_->sync_fails, false);
        state_->changes.push_back(
            {.kind = fails ? DiskChange::Kind::failed_sync : DiskChange::Kind::sync, .file = file_});
        return fails ? system_error(EIO) : Error{};
    }
    Error write_out(ByteRange) override { return {}; }  // the crash model chooses the pages at random anyway
    void will_need(ByteRange) override {}
    Result<std::uint64_t> next_data(std::uint64_t offset) override {
        std::lock_guard lock(state_->mutex);
        if (offset >= state_->image.contents[file_].size()) return system_error(ENXIO);
        return offset;
    }
    Result<std::uint64_t> next_hole(std::uint64_t offset) override {
        std::lock_guard lock(state_->mutex);
        const std::uint64_t size = state_->image.contents[file_].size();
        if (offset >= size) return system_error(ENXIO);
        return size;
    }
    Result<FileStatus> status() override {
        std::lock_guard lock(state_->mutex);
        FileStatus status;
        status.size = state_->image.contents[file_].size();
        status.bytes_on_disk = bytes_on_disk(state_->image.contents[file_]);
        status.inode = static_cast<std::uint64_t>(file_);
        return status;
    }
    Error set_modified(std::int64_t) override { return {}; }  // the disk knows no times
    OpenElsewhere open_elsewhere() override { return OpenElsewhere::unknown; }
    Result<int> descriptor() override { return system_error(ENOTSUP); }
    bool is_locked() override {
        std::lock_guard lock(state_->mutex);
        return state_->locked[file_] && !holds_lock_;
    }
    Error try_lock() override {
        std::lock_guard lock(state_->mutex);
        bool& locked = state_->locked[file_];
        if (locked) return system_error(EWOULDBLOCK);
        locked = holds_lock_ = true;
        return {};
    }

  private:
    const std::shared_ptr<State> state_;
    const int file_;
    bool holds_lock_ = false;
};

MemoryDisk::MemoryDisk(DiskImage image) : state_(std::make_shared<State>()) {
    state_->image = std::move(image);
    for (const auto& [file, content] : state_->image.contents)
        state_->last_file = std::max(state_->last_file, file);
}

const std::vector<DiskChange>& MemoryDisk::changes() const {
    return state_->changes;
}

DiskImage MemoryDisk::image() const {
    std::lock_guard lock(state_->mutex);
    return state_->image;
}

void MemoryDisk::fail_next_sync() {
    std::lock_guard lock(state_->mutex);
    state_->sync_fails = true;
}

void MemoryDisk::flip_byte(const std::string& name, std::uint64_t offset) {
    std::lock_guard lock(state_->mutex);
    std::byte& byte = state_->image.contents.at(state_->image.names.at(name)).at(offset);
    byte ^= std::byte{1};
}

Result<std::unique_ptr<File>> MemoryDisk::open(const std::filesystem::path& name, const OpenHow& how) {
    std::lock_guard lock(state_->mutex);
    auto found = state_->image.names.find(name);
    if (found != state_->image.names.end() && how.exclusive) return system_error(EEXIST);
    if (found == state_->image.names.end()) {
        if (!how.create) return system_error(ENOENT);
        const int file = ++state_->last_file;
        found = state_->image.names.emplace(name, file).first;
        state_->image.contents[file];
        state_->changes.push_back({.kind = DiskChange::Kind::create, .file = file, .name = name});
    }
    return std::unique_ptr<File>(std::make_unique<OpenFile>(state_, found->second));
}

Result<FileStatus> MemoryDisk::status(const std::filesystem::path& name) {
    std::lock_guard lock(state_->mutex);
    const auto found = state_->image.names.find(name);
    if (found == state_->image.names.end()) return system_error(ENOENT);
    FileStatus status;
    status.size = state_->image.contents[found->second].size();
    status.bytes_on_disk = bytes_on_disk(state_->image.contents[found->second]);
    status.inode = static_cast<std::uint64_t>(found->second);
    return status;
}

Error MemoryDisk::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::lock_guard lock(state_->mutex);
    auto found = state_->image.names.extract(from);
    if (found.empty()) return system_error(ENOENT);
    state_->changes.push_back(
        {.kind = DiskChange::Kind::rename, .file = found.mapped(), .name = from, .to = to});
    state_->image.names[to] = found.mapped();
    return {};
}

Error MemoryDisk::remove(const std::filesystem::path& name) {
    std::lock_guard lock(state_->mutex);
    if (state_->image.names.erase(name) == 0) return system_error(ENOENT);
    state_->changes.push_back({.kind = DiskChange::Kind::remove, .name = name});
    return {};
}

Error MemoryDisk::sync_folder_of(const std::filesystem::path&) {
    std::lock_guard lock(state_->mutex);
    state_->changes.push_back({.kind = DiskChange::Kind::sync_folder});
    return {};
}

Result<std::vector<std::string>> MemoryDisk::list() {
    std::lock_guard lock(state_->mutex);
    std::vector<std::string> names;
    for (const auto& [name, file] : state_->image.names) names.push_back(name);
    return names;
}

// ---- CrashModel ----

Bytes CrashModel::page(const Bytes& content, std::size_t index) {
    Bytes bytes(kPage);
    const std::size_t begin = index * kPage;
    if (begin < content.size())
        std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(begin),
                    std::min(kPage, content.size() - begin), bytes.begin());
    return bytes;
}

/// Copies bytes to the offset, without those beyond the end.
void CrashModel::put(Bytes& content, std::size_t offset, ByteView bytes) {
    if (offset >= content.size()) return;
    std::ranges::copy(bytes.first(std::min(bytes.size(), content.size() - offset)),
                      content.begin() + static_cast<std::ptrdiff_t>(offset));
}

void CrashModel::touch(Node& node, std::uint64_t begin, std::uint64_t end) {
    for (std::size_t i = begin / kPage; i < units_for(end, kPage); ++i) {
        DirtyPage& dirty = node.dirty[i];
        dirty.versions.push_back(page(node.now, i));
        dirty.given_up = false;
    }
}

void CrashModel::resize(Node& node, std::uint64_t size) {
    const std::uint64_t before = node.now.size();
    if (size == before) return;
    node.now.resize(size);
    node.sizes.push_back(size);
    if (size < before) touch(node, size, before);
}

void CrashModel::rename_in(std::map<std::string, int>& names, const DiskChange& change) {
    switch (change.kind) {
        case DiskChange::Kind::create:
            names[change.name] = change.file;
            break;
        case DiskChange::Kind::rename:
            names.erase(change.name);
            names[change.to] = change.file;
            break;
        case DiskChange::Kind::remove:
            names.erase(change.name);
            break;
        default:
            assert(false);
    }
}

void CrashModel::apply(const DiskChange& change) {
    using Kind = DiskChange::Kind;
    switch (change.kind) {
        case Kind::create:
            nodes_[change.file];
            [[fallthrough]];
        case Kind::rename:
        case Kind::remove:
            name_changes_.push_back(change);
            return;
        case Kind::sync_folder:
            for (const DiskChange& past : name_changes_) rename_in(durable_names_, past);
            name_changes_.clear();
            return;
        default:
            break;
    }
    Node& node = nodes_.at(change.file);
    switch (change.kind) {
        case Kind::write: {
            const std::uint64_t end = change.at + change.bytes.size();
            if (end > node.now.size()) resize(node, end);
            put(node.now, change.at, change.bytes);
            touch(node, change.at, end);
            break;
        }
        case Kind::zero:
            put(node.now, change.at, Bytes(change.size));
            touch(node, change.at, change.at + change.size);
            break;
        case Kind::resize:
            resize(node, change.at);
            break;
        case Kind::sync:
            node.durable.resize(node.now.size());
            node.sizes.clear();
            std::erase_if(node.dirty, [&](const auto& entry) {
                if (entry.second.given_up) return false;
                put(node.durable, entry.first * kPage, entry.second.versions.back());
                return true;
            });
            break;
        case Kind::failed_sync:
            for (auto& [index, dirty] : node.dirty) dirty.given_up = true;
            break;
        default:
            assert(false);
    }
}

DiskImage CrashModel::after_kill() const {
    DiskImage image;
    image.names = durable_names_;
    for (const DiskChange& change : name_changes_) rename_in(image.names, change);
    for (const auto& [name, file] : image.names) image.contents[file] = nodes_.at(file).now;
    return image;
}

DiskImage CrashModel::after_power_loss(Luck luck, Rng& rng) const {
    const bool no_data = luck == Luck::nothing_unsynced || luck == Luck::names_alone;
    const bool no_names = luck == Luck::nothing_unsynced || luck == Luck::data_alone;
    const auto choose = [&](std::size_t count,
                            bool none) -> std::size_t {  // 0: none of them, count: the last
        if (luck == Luck::random) return rng.below(count + 1);
        return none ? 0 : count;
    };
    DiskImage image;
    image.names = durable_names_;
    for (std::size_t i = 0, end = choose(name_changes_.size(), no_names); i < end; ++i)
        rename_in(image.names, name_changes_[i]);
    for (const auto& [name, file] : image.names) {
        const Node& node = nodes_.at(file);
        Bytes content = node.durable;
        const std::size_t size = choose(node.sizes.size(), no_data);
        if (size > 0) content.resize(node.sizes[size - 1]);
        for (const auto& [index, dirty] : node.dirty) {
            const bool torn = luck == Luck::random && rng.below(4) == 0;
            std::size_t version = choose(dirty.versions.size(), no_data);
            for (std::size_t at = 0; at < kPage; at += kSector) {
                if (torn) version = choose(dirty.versions.size(), no_data);
                if (version == 0) continue;
                put(content, index * kPage + at, ByteView(dirty.versions[version - 1]).subspan(at, kSector));
            }
        }
        image.contents[file] = std::move(content);
    }
    return image;
}

}  // namespace btfs::test
