#include "tests/cache/support/store_world.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "cache/disk/file_descriptor.hpp"
#include "cache/disk/linux_files.hpp"

namespace btfs::test {

TempDir::TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "btfs-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
}

TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

ByteView Torrent::piece(PieceIndex index) const {
    return bytes(spec.layout.piece_range(index));
}

Torrent make_torrent(std::uint32_t piece_length, std::vector<FileExtent> files, std::uint64_t seed) {
    Torrent torrent;
    torrent.spec.layout = Layout(piece_length, files);
    const Layout& layout = torrent.spec.layout;
    torrent.content.resize(layout.total_size());
    Rng(seed).fill(torrent.content);
    for (const FileExtent& file : files) {
        if (file.pad) std::memset(torrent.content.data() + file.offset_in_torrent, 0, file.size);
    }
    std::vector<Sha1Digest> hashes;
    for (PieceIndex p(0); p.value() < layout.piece_count(); p = p.next())
        hashes.push_back(sha1(torrent.piece(p)));
    torrent.spec.hashes = PieceHashes(std::move(hashes));
    torrent.spec.identity.v1 = sha1(torrent.content);
    return torrent;
}

void give_info(Torrent& torrent) {
    Bytes info(3000);
    Rng(torrent.content.size()).fill(info);
    torrent.spec.identity.v1 = sha1(info);
    torrent.spec.info = std::make_shared<const Bytes>(std::move(info));
}

void ReadResult::set_data(std::span<const iovec> parts) {
    std::lock_guard lock(mutex_);
    EXPECT_EQ(++times_, 1) << "a read was answered twice";
    for (const iovec& part : parts) {
        const auto* begin = static_cast<const std::byte*>(part.iov_base);
        bytes_.insert(bytes_.end(), begin, begin + part.iov_len);
    }
    ended_.notify_all();
}

void ReadResult::set_error(Error error) {
    std::lock_guard lock(mutex_);
    EXPECT_EQ(++times_, 1) << "a read was answered twice";
    error_ = error;
    ended_.notify_all();
}

bool ReadResult::done() const {
    std::lock_guard lock(mutex_);
    return times_ > 0;
}

void ReadResult::wait(std::unique_lock<std::mutex>& lock) {
    EXPECT_TRUE(ended_.wait_for(lock, std::chrono::minutes(1), [this] { return times_ > 0; }))
        << "never answered";
}

Bytes ReadResult::bytes() {
    std::unique_lock lock(mutex_);
    wait(lock);
    return bytes_;
}

Error ReadResult::error() {
    std::unique_lock lock(mutex_);
    wait(lock);
    return error_;
}

namespace {

class RecordingReply final : public ReadReply {
  public:
    using Again = std::function<void()>;
    explicit RecordingReply(std::shared_ptr<ReadResult> result, Again again = {})
        : result_(std::move(result)), again_(std::move(again)) {}
    void data(std::span<const iovec> bytes) override { result_->set_data(bytes); }
    void fail(Error error) override { result_->set_error(error); }
    void again() override { again_ ? again_() : ReadReply::again(); }

  private:
    std::shared_ptr<ReadResult> result_;
    Again again_;
};

}  // namespace

std::unique_ptr<ReadReply> reply_to(std::shared_ptr<ReadResult> result) {
    return std::make_unique<RecordingReply>(std::move(result));
}

std::unique_ptr<ReadReply> reply_to(std::shared_ptr<ReadResult> result, ReadSide& store, ReadId id,
                                    ByteRange range) {
    return std::make_unique<RecordingReply>(
        result, [=, &store] { store.read(id, range, reply_to(result, store, id, range)); });
}

Bytes read_now(ReadSide& store, ByteRange range) {
    static std::atomic<ReadId> next_id = 1'000'000;
    const ReadId id = next_id++;
    auto result = std::make_shared<ReadResult>();
    store.read(id, range, reply_to(result, store, id, range));
    return result->bytes();
}

void RecordingEngine::on_verified(PieceIndex piece, std::vector<Sha1Digest> block_digests) {
    std::lock_guard lock(mutex);
    verified[piece.value()] = std::move(block_digests);
    changed.notify_all();
}

void RecordingEngine::on_mismatch(PieceIndex piece, PieceBufferPtr, std::vector<Sha1Digest> block_digests) {
    std::lock_guard lock(mutex);
    mismatched[piece.value()] = std::move(block_digests);
    changed.notify_all();
}

void RecordingEngine::on_lost(PieceIndex piece) {
    std::lock_guard lock(mutex);
    ++lost[piece.value()];
    changed.notify_all();
}

void RecordingEngine::on_evicted(const std::vector<PieceIndex>& pieces) {
    std::lock_guard lock(mutex);
    evicted.insert(evicted.end(), pieces.begin(), pieces.end());
    for (const PieceIndex piece : pieces) verified.erase(piece.value());
    changed.notify_all();
}

void RecordingEngine::on_credit() {
    std::lock_guard lock(mutex);
    ++credits;
    changed.notify_all();
}

void RecordingEngine::on_read(ReadTicket ticket, Result<ContentView> content) {
    std::lock_guard lock(mutex);
    if (content) {
        reads.emplace(ticket, Bytes(content->bytes.begin(), content->bytes.end()));
    } else {
        reads.emplace(ticket, content.error());
    }
    changed.notify_all();
}

DiskPool& World::pool() {
    if (!threads) threads = std::make_unique<DiskPool>(3);
    return *threads;
}

void World::run_and_kill(const std::function<void()>& work) {
    ASSERT_FALSE(threads) << "a fork of a process with threads";
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        work();
        if (testing::Test::HasFailure()) _exit(1);
        raise(SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "status " << status;
}

FaultFiles& World::use_faults() {
    if (!faults) faults = std::make_shared<FaultFiles>(LinuxFiles::open_folder(dir.path()).value());
    return *faults;
}

void World::open() {
    auto cache_dir =
        faults ? Result<CacheDir>(CacheDir(faults, boot_id)) : CacheDir::open(dir.path(), boot_id);
    ASSERT_TRUE(cache_dir) << cache_dir.error().message();
    if (sizes && !bound) bound = std::make_unique<CacheBound>(cache_dir->files(), pool(), *sizes);
    if (bound) cache_dir->set_bound(*bound);
    auto opened = cache_dir->open_torrent(torrent.spec, pool(), memory, adopted ? adopted() : nullptr);
    ASSERT_TRUE(opened) << opened.error().message();
    store = std::move(*opened);
    store->attach(engine);
    if (bound) bound->start();
}

std::uint64_t World::bytes_on_disk() const {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
        struct stat found {};
        if (stat(entry.path().c_str(), &found) == 0)
            bytes += static_cast<std::uint64_t>(found.st_blocks) * 512;
    }
    return bytes;
}

void World::fill(PieceIndex piece, Urgency urgency, bool want_digests) {
    PieceBufferPtr buffer = store->acquire(piece, urgency);
    ASSERT_TRUE(buffer) << "no credit for piece " << piece.value();
    receive_all(*buffer, torrent.piece(piece));
    store->verify(piece, std::move(buffer), want_digests);
}

void receive_block(PieceBuffer& buffer, ByteView piece, std::uint32_t block) {
    const std::size_t begin = std::size_t{block} * kBlockSize;
    const ByteView bytes = piece.subspan(begin, std::min<std::size_t>(kBlockSize, piece.size() - begin));
    std::ranges::copy(bytes, buffer.bytes().subspan(begin).begin());
    buffer.block_received(block);
}

void receive_all(PieceBuffer& buffer, ByteView piece) {
    for (std::uint32_t i = 0; i < units_for(piece.size(), kBlockSize); ++i) receive_block(buffer, piece, i);
}

void World::fill_all() {
    for (PieceIndex p(0); p.value() < torrent.spec.layout.piece_count(); p = p.next()) {
        fill(p, Urgency::blocked_read);
        ASSERT_TRUE(engine.wait_verified(p));
    }
}

FileSizeLimit::FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
}

void flip_byte(const std::filesystem::path& path, std::uint64_t offset) {
    const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    char byte = 0;
    ASSERT_EQ(pread(file.get(), &byte, 1, static_cast<off_t>(offset)), 1);
    byte = static_cast<char>(byte ^ 1);
    ASSERT_EQ(pwrite(file.get(), &byte, 1, static_cast<off_t>(offset)), 1);
}

std::byte byte_at(const std::filesystem::path& path, std::uint64_t offset) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::byte byte{};
    EXPECT_EQ(pread(file.get(), &byte, 1, static_cast<off_t>(offset)), 1);
    return byte;
}

}  // namespace btfs::test
