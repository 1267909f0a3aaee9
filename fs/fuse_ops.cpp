#include "fs/fuse_ops.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "engine/log/log.hpp"
#include "fs/errno_map.hpp"
#include "fs/fuse_request.hpp"
#include "fs/kernel_backing.hpp"

namespace btfs {
namespace {

// Below a torrent's root nothing ever changes. At the mount's root torrents appear: what is there stays and
// is asked for again each second, since every path leads through it; what is not there is never remembered,
// nor is what is virtual.
double timeout_s(Validity validity) {
    switch (validity) {
        case Validity::momentary:
            return 0;
        case Validity::brief:
            return 1;
        case Validity::permanent:
            break;
    }
    return 365.0 * 86400;
}

constexpr blksize_t kPreferredRead = 128 * 1024;
constexpr std::uint64_t kStatfsBlock = 4096;

FuseMount& mount_of(fuse_req_t request) {
    return *static_cast<FuseMount*>(fuse_req_userdata(request));
}

Handle& handle_of(const fuse_file_info& info) {
    return *reinterpret_cast<Handle*>(static_cast<std::uintptr_t>(info.fh));
}

struct stat to_stat(const Attributes& attributes, const FuseMount& mount) {
    struct stat out {};
    out.st_ino = attributes.inode;
    out.st_nlink = attributes.links;
    out.st_uid = attributes.takes_commands ? mount.commander_uid : mount.uid;
    out.st_gid = attributes.takes_commands ? mount.commander_gid : mount.gid;
    out.st_size = static_cast<off_t>(attributes.size);
    switch (attributes.kind) {
        case NodeKind::directory:
            out.st_mode = S_IFDIR | 0555;
            break;
        case NodeKind::file:
            out.st_mode = S_IFREG | (attributes.executable ? 0555U : 0444U);
            break;
        case NodeKind::symlink:
            out.st_mode = S_IFLNK | 0777;
            break;
    }
    if (attributes.takes_commands) out.st_mode |= S_IWUSR;
    if (attributes.is_private) out.st_mode &= ~static_cast<mode_t>(S_IRWXG | S_IRWXO);
    // Content counts as there wherever it is: copiers take a file without blocks for a hole.
    if (attributes.kind == NodeKind::file)
        out.st_blocks = static_cast<blkcnt_t>(units_for(attributes.size, 512));
    out.st_blksize = kPreferredRead;
    out.st_atim.tv_sec = out.st_mtim.tv_sec = out.st_ctim.tv_sec = attributes.modified;
    return out;
}

fuse_entry_param to_entry(const Attributes& attributes, bool at_root, const FuseMount& mount) {
    fuse_entry_param entry{};
    entry.ino = attributes.node;
    entry.generation = attributes.generation;
    entry.attr = to_stat(attributes, mount);
    entry.attr_timeout = timeout_s(attributes.validity);
    entry.entry_timeout =
        std::min(timeout_s(attributes.validity), timeout_s(at_root ? Validity::brief : Validity::permanent));
    return entry;
}

void want(fuse_conn_info& connection, unsigned capability, bool wanted) {
    if (!wanted) {
        connection.want &= ~capability;
    } else if ((connection.capable & capability) != 0) {
        connection.want |= capability;
    }
}

void on_init(void* userdata, fuse_conn_info* connection) {
    auto& mount = *static_cast<FuseMount*>(userdata);
    want(*connection, FUSE_CAP_READDIRPLUS, true);
    want(*connection, FUSE_CAP_READDIRPLUS_AUTO, false);
    want(*connection, FUSE_CAP_PARALLEL_DIROPS, true);
    want(*connection, FUSE_CAP_CACHE_SYMLINKS, true);
    want(*connection, FUSE_CAP_ASYNC_READ, true);
    want(*connection, FUSE_CAP_ASYNC_DIO, true);
    want(*connection, FUSE_CAP_AUTO_INVAL_DATA, false);
    want(*connection, FUSE_CAP_ATOMIC_O_TRUNC, true);  // open() refuses what would truncate a file
    want(*connection, FUSE_CAP_WRITEBACK_CACHE, false);
    want(*connection, FUSE_CAP_EXPORT_SUPPORT, true);  // a NodeId leads to its node after a forget, too
    const bool passes_through = mount.passthrough != nullptr && ask_for_passthrough(*connection);
    if (passes_through) mount.passthrough->enable();
    log::debug("passthrough is {}", passes_through ? "on" : "off");
    connection->max_read = kMaxRead;
    // With the default of 12, as many waiting READs would stop the reading of everything else.
    connection->max_background = mount.max_background;
    connection->congestion_threshold = mount.max_background;
    mount.filesystem.read_path().set_parked_limit(mount.max_background / 4 * 3);
}

void on_lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
    FuseRequest request(req);
    const FuseMount& mount = mount_of(req);
    auto found = mount.filesystem.lookup(parent, name, fuse_req_ctx(req)->pid);
    if (!found) return request.error(to_errno(found.error()));
    request.entry(to_entry(*found, parent == kRootNode, mount));
}

void on_forget(fuse_req_t req, fuse_ino_t, std::uint64_t) {
    FuseRequest(req).none();
}
void on_forget_multi(fuse_req_t req, std::size_t, fuse_forget_data*) {
    FuseRequest(req).none();
}

void on_getattr(fuse_req_t req, fuse_ino_t node, fuse_file_info*) {
    FuseRequest request(req);
    const FuseMount& mount = mount_of(req);
    auto attributes = mount.filesystem.attributes(node);
    if (!attributes) return request.error(to_errno(attributes.error()));
    request.attributes(to_stat(*attributes, mount), timeout_s(attributes->validity));
}

void on_readlink(fuse_req_t req, fuse_ino_t node) {
    FuseRequest request(req);
    auto target = mount_of(req).filesystem.symlink_target(node);
    if (!target) return request.error(to_errno(target.error()));
    request.symlink(*target);
}

/// The mount's user and root may command it: those who may use its control socket.
bool may_command(fuse_req_t req) {
    const uid_t user = fuse_req_ctx(req)->uid;
    return user == 0 || user == mount_of(req).commander_uid;
}

Opening opening_of(fuse_req_t req, const fuse_file_info& info) {
    const bool truncates = (info.flags & O_TRUNC) != 0;
    return {.for_writing = truncates || (info.flags & O_ACCMODE) != O_RDONLY,
            .truncates = truncates,
            .may_command = may_command(req)};
}

void on_open(fuse_req_t req, fuse_ino_t node, fuse_file_info* info) {
    FuseRequest request(req);
    const FuseMount& mount = mount_of(req);
    Filesystem& filesystem = mount.filesystem;
    const auto handle = filesystem.open(node, opening_of(req, *info));
    if (!handle) return request.error(to_errno(handle.error()));
    info->fh = reinterpret_cast<std::uintptr_t>(*handle);
    // O_NONBLOCK means nothing for a regular file: as everywhere in Linux its reads wait, and its pages are
    // cached.
    const bool bypasses_page_cache = (*handle)->bypasses_page_cache();
    info->direct_io = bypasses_page_cache || (info->flags & O_DIRECT) != 0;
    info->keep_cache = !bypasses_page_cache;
    if (mount.passthrough != nullptr) {
        const auto lease = [handle = *handle] { return handle->lease(); };
        if (const auto backing = mount.passthrough->begin(node, lease)) {
            set_backing(*info, *backing);
            info->keep_cache = false;  // the kernel refuses it for such a file
        }
    }
    if (request.opened(*info)) return;
    if (mount.passthrough != nullptr) mount.passthrough->end(node);
    filesystem.release(**handle);
}

class FuseReadReply final : public InterruptibleReply {
  public:
    explicit FuseReadReply(FuseRequest request) : request_(std::move(request)) {}

    // libfuse calls back with a lock of the request held, here or later and on any thread: only the id goes
    // along, and ReadPath does not answer a READ that is not parked yet.
    void watch_interrupts(ReadId id) override {
        fuse_req_interrupt_func(request_.get(), &on_interrupt, reinterpret_cast<void*>(std::uintptr_t{id}));
    }
    void data(std::span<const iovec> bytes) override { request_.bytes(bytes); }
    void fail(Error error) override { request_.error(to_errno(error)); }

  private:
    static void on_interrupt(fuse_req_t req, void* id) {
        mount_of(req).filesystem.read_path().interrupt(reinterpret_cast<std::uintptr_t>(id));
    }

    FuseRequest request_;
};

void on_read(fuse_req_t req, fuse_ino_t node, std::size_t size, off_t begin, fuse_file_info* info) {
    FuseRequest request(req);
    if (begin < 0 || size > kMaxRead) return request.error(EINVAL);
    const auto offset_in_file = static_cast<std::uint64_t>(begin);
    FuseMount& mount = mount_of(req);  // the request may be gone when it was answered
    const auto left_behind = handle_of(*info).read(
        {.range_in_file = {offset_in_file, offset_in_file + size}, .thread = fuse_req_ctx(req)->pid},
        std::make_unique<FuseReadReply>(std::move(request)));
    if (left_behind) mount.dropper.drop(node, *left_behind);
}

void on_ioctl(fuse_req_t req, fuse_ino_t, unsigned command, void*, fuse_file_info* info, unsigned flags,
              const void*, std::size_t, std::size_t space) {
    FuseRequest request(req);
    if ((flags & FUSE_IOCTL_DIR) != 0 || command != kAskFileState) return request.error(ENOTTY);
    const auto state = handle_of(*info).state();
    if (!state) return request.error(ENOTTY);
    if (space < sizeof *state) return request.error(EINVAL);
    request.ioctl(*state);
}

// Comes for each closed descriptor: of a process that ends, and of a live one's dup() or fork(). It is the
// only sign that a killed reader of cached pages has gone: the kernel sends neither INTERRUPT nor RELEASE
// while its READ is waiting.
void on_flush(fuse_req_t req, fuse_ino_t, fuse_file_info* info) {
    FuseRequest request(req);
    const pid_t closer = fuse_req_ctx(req)->pid;
    const auto answer = std::make_shared<FuseRequest>(std::move(request));
    handle_of(*info).flush(closer,
                           [answer](const Error& error) { answer->error(error ? to_errno(error) : 0); });
}

void on_release(fuse_req_t req, fuse_ino_t node, fuse_file_info* info) {
    FuseRequest request(req);
    const FuseMount& mount = mount_of(req);
    if (mount.passthrough != nullptr) mount.passthrough->end(node);
    mount.filesystem.release(handle_of(*info));
    request.error(0);
}

void on_opendir(fuse_req_t req, fuse_ino_t node, fuse_file_info* info) {
    FuseRequest request(req);
    Filesystem& filesystem = mount_of(req).filesystem;
    const auto listing = filesystem.open_listing(node);
    if (!listing) return request.error(to_errno(listing.error()));
    info->fh = listing->handle;
    info->cache_readdir = info->keep_cache = listing->validity == Validity::permanent;
    if (!request.opened(*info)) filesystem.close_listing(listing->handle);
}

void on_releasedir(fuse_req_t req, fuse_ino_t, fuse_file_info* info) {
    FuseRequest request(req);
    mount_of(req).filesystem.close_listing(info->fh);
    request.error(0);
}

// ---- writing: nothing but commands can be written; see MountCommands ----

void on_create(fuse_req_t req, fuse_ino_t folder, const char* name, mode_t, fuse_file_info* info) {
    FuseRequest request(req);
    const FuseMount& mount = mount_of(req);
    const auto created = mount.filesystem.create(folder, name, opening_of(req, *info));
    if (!created) return request.error(to_errno(created.error()));
    info->fh = reinterpret_cast<std::uintptr_t>(created->handle);
    info->direct_io = true;
    const NodeId node = created->attributes.node;
    if (mount.passthrough != nullptr)  // RELEASE ends it
        (void)mount.passthrough->begin(node, [] { return std::unique_ptr<DataLease>(); });
    if (request.created(to_entry(created->attributes, false, mount), *info)) return;
    if (mount.passthrough != nullptr) mount.passthrough->end(node);
    mount.filesystem.release(*created->handle);
}

void on_write(fuse_req_t req, fuse_ino_t, const char* bytes, std::size_t size, off_t begin,
              fuse_file_info* info) {
    FuseRequest request(req);
    if (begin < 0) return request.error(EINVAL);
    const pid_t writer = fuse_req_ctx(req)->pid;
    const auto answer = std::make_shared<FuseRequest>(std::move(request));
    handle_of(*info).write(static_cast<std::uint64_t>(begin), as_bytes({bytes, size}), writer,
                           [answer, size](const Error& error) {
                               if (error) return answer->error(to_errno(error));
                               answer->written(size);
                           });
}

void on_setattr(fuse_req_t req, fuse_ino_t node, struct stat* wanted, int which, fuse_file_info* info) {
    FuseRequest request(req);
    const FuseMount& mount = mount_of(req);
    const auto size = (which & FUSE_SET_ATTR_SIZE) != 0
                          ? std::optional(static_cast<std::uint64_t>(wanted->st_size))
                          : std::nullopt;
    const auto by_path = info == nullptr ? std::optional(fuse_req_ctx(req)->pid) : std::nullopt;
    const auto changed = mount.filesystem.change(node, size, may_command(req), by_path);
    if (!changed) return request.error(to_errno(changed.error()));
    const struct stat attributes = to_stat(*changed, mount);
    const double timeout = timeout_s(changed->validity);
    if (!size || info == nullptr) return request.attributes(attributes, timeout);
    const auto answer = std::make_shared<FuseRequest>(std::move(request));
    handle_of(*info).truncated([answer, attributes, timeout](const Error& error) {
        error ? answer->error(to_errno(error)) : answer->attributes(attributes, timeout);
    });
}

/// Answers access(2), which the kernel asks of a mount that can be written; open() decides by itself.
void on_access(fuse_req_t req, fuse_ino_t node, int mask) {
    FuseRequest request(req);
    const auto attributes = mount_of(req).filesystem.attributes(node);
    if (!attributes) return request.error(to_errno(attributes.error()));
    if ((mask & W_OK) != 0 && !attributes->takes_commands)
        return request.error(to_errno(fs_error::read_only()));
    const bool refused =
        (((mask & W_OK) != 0 || ((mask & R_OK) != 0 && attributes->is_private)) && !may_command(req)) ||
        ((mask & X_OK) != 0 && attributes->kind == NodeKind::file && !attributes->executable);
    request.error(refused ? to_errno(fs_error::access_denied()) : 0);
}

/// Extended attributes of a file that was copied into `add` are left out, as by file systems without them.
void refuse_attribute(fuse_req_t req, fuse_ino_t node) {
    FuseRequest request(req);
    const auto attributes = mount_of(req).filesystem.attributes(node);
    const bool takes_commands = attributes && attributes->takes_commands;
    request.error(to_errno(takes_commands ? fs_error::not_supported() : fs_error::read_only()));
}

void on_setxattr(fuse_req_t req, fuse_ino_t node, const char*, const char*, std::size_t, int) {
    refuse_attribute(req, node);
}
void on_removexattr(fuse_req_t req, fuse_ino_t node, const char*) {
    refuse_attribute(req, node);
}

void refuse(fuse_req_t req) {
    FuseRequest(req).error(to_errno(fs_error::read_only()));
}
void on_mknod(fuse_req_t req, fuse_ino_t, const char*, mode_t, dev_t) {
    refuse(req);
}
void on_mkdir(fuse_req_t req, fuse_ino_t, const char*, mode_t) {
    refuse(req);
}
void on_unlink(fuse_req_t req, fuse_ino_t folder, const char* name) {
    FuseRequest request(req);
    const Error error =
        mount_of(req).filesystem.unlink(folder, name, fuse_req_ctx(req)->pid, may_command(req));
    request.error(error ? to_errno(error) : 0);
}
void on_rmdir(fuse_req_t req, fuse_ino_t, const char*) {
    refuse(req);
}
void on_symlink(fuse_req_t req, const char*, fuse_ino_t, const char*) {
    refuse(req);
}
void on_rename(fuse_req_t req, fuse_ino_t folder, const char* name, fuse_ino_t new_folder,
               const char* new_name, unsigned flags) {
    FuseRequest request(req);
    if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) != 0)  // exchanges two files
        return request.error(to_errno(fs_error::read_only()));
    const bool may = may_command(req);
    const pid_t caller = fuse_req_ctx(req)->pid;
    Filesystem& filesystem = mount_of(req).filesystem;
    const auto answer = std::make_shared<FuseRequest>(std::move(request));
    filesystem.rename(folder, name, new_folder, new_name, caller, may,
                      [answer](const Error& error) { answer->error(error ? to_errno(error) : 0); });
}
void on_link(fuse_req_t req, fuse_ino_t, fuse_ino_t, const char*) {
    refuse(req);
}

// Appends to `buffer` from its position on; the number of bytes, or more than `space` if it does not fit.
std::size_t add_entry(fuse_req_t req, std::span<char> space, const Listing::Entry& entry,
                      std::size_t position, bool plus, bool at_root) {
    const FuseMount& mount = mount_of(req);
    const std::string name(entry.name);
    const auto next = static_cast<off_t>(position + 1);
    if (!plus) {
        const struct stat attributes = to_stat(entry.attributes, mount);
        return fuse_add_direntry(req, space.data(), space.size(), name.c_str(), &attributes, next);
    }
    fuse_entry_param param = to_entry(entry.attributes, at_root, mount);
    // "." and ".." are not looked up, nor are virtual files, whose texts that would make.
    if (position < 2 || entry.attributes.node == 0) param.ino = 0;
    return fuse_add_direntry_plus(req, space.data(), space.size(), name.c_str(), &param, next);
}

void list(fuse_req_t req, fuse_ino_t node, std::size_t size, off_t begin, fuse_file_info* info, bool plus) {
    FuseRequest request(req);
    const auto listing = mount_of(req).filesystem.listing(info->fh);
    if (!listing || begin < 0) return request.error(to_errno(fs_error::bad_handle()));
    std::vector<char> buffer(std::min<std::size_t>(size, 1 << 20));
    std::size_t used = 0;
    for (auto position = static_cast<std::size_t>(begin); position < listing->size(); ++position) {
        const std::span<char> space = std::span(buffer).subspan(used);
        const std::size_t taken =
            add_entry(req, space, listing->at(position), position, plus, node == kRootNode);
        if (taken > space.size()) break;
        used += taken;
    }
    request.bytes(std::span<const char>(buffer).first(used));
}

void on_readdir(fuse_req_t req, fuse_ino_t node, std::size_t size, off_t begin, fuse_file_info* info) {
    list(req, node, size, begin, info, false);
}

void on_readdirplus(fuse_req_t req, fuse_ino_t node, std::size_t size, off_t begin, fuse_file_info* info) {
    list(req, node, size, begin, info, true);
}

void on_statfs(fuse_req_t req, fuse_ino_t) {
    FuseRequest request(req);
    const Usage usage = mount_of(req).filesystem.usage();
    struct statvfs out {};
    out.f_bsize = out.f_frsize = kStatfsBlock;
    // File managers and Samba copy nothing into a file system that is full.
    out.f_bfree = out.f_bavail = usage.room / kStatfsBlock;
    out.f_blocks = units_for(usage.total_size, kStatfsBlock) + out.f_bfree;
    out.f_files = usage.node_count;
    out.f_namemax = 255;
    request.statistics(out);
}

}  // namespace

const fuse_lowlevel_ops& fuse_operations() {
    // No extended attributes are read: answered without asking us, where GNU `ls -l` would ask for each file.
    static const fuse_lowlevel_ops operations = [] {
        fuse_lowlevel_ops ops{};
        ops.init = on_init;
        ops.lookup = on_lookup;
        ops.forget = on_forget;
        ops.forget_multi = on_forget_multi;
        ops.getattr = on_getattr;
        ops.readlink = on_readlink;
        ops.open = on_open;
        ops.read = on_read;
        ops.ioctl = on_ioctl;
        ops.flush = on_flush;
        ops.release = on_release;
        ops.opendir = on_opendir;
        ops.readdir = on_readdir;
        ops.readdirplus = on_readdirplus;
        ops.releasedir = on_releasedir;
        ops.statfs = on_statfs;
        ops.create = on_create;
        ops.write = on_write;
        ops.setattr = on_setattr;
        ops.access = on_access;
        ops.setxattr = on_setxattr;
        ops.removexattr = on_removexattr;
        ops.mknod = on_mknod;
        ops.mkdir = on_mkdir;
        ops.unlink = on_unlink;
        ops.rmdir = on_rmdir;
        ops.symlink = on_symlink;
        ops.rename = on_rename;
        ops.link = on_link;
        return ops;
    }();
    return operations;
}

}  // namespace btfs
