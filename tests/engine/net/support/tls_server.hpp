// TLS server on loopback with a certificate of its own.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>

namespace btfs::net::test {

namespace asio = boost::asio;

/// Self-signed certificate for "localhost", in files.
struct Certificate {
    std::filesystem::path folder;
    std::string certificate, key;

    Certificate() {
        std::string name = (std::filesystem::temp_directory_path() / "btfs-tls-XXXXXX").string();
        folder = mkdtemp(name.data());
        certificate = folder / "cert.pem";
        key = folder / "key.pem";
        EVP_PKEY* pkey = EVP_EC_gen("P-256");
        X509* x = X509_new();
        X509_set_version(x, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
        X509_gmtime_adj(X509_getm_notBefore(x), -3600);
        X509_gmtime_adj(X509_getm_notAfter(x), 3600);
        X509_set_pubkey(x, pkey);
        X509_NAME* subject = X509_get_subject_name(x);
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("btfs test"), -1, -1, 0);
        X509_set_issuer_name(x, subject);
        X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
        X509_add_ext(x, names, -1);
        X509_EXTENSION_free(names);
        X509_sign(x, pkey, EVP_sha256());
        std::FILE* file = std::fopen(certificate.c_str(), "w");
        PEM_write_X509(file, x);
        std::fclose(file);
        file = std::fopen(key.c_str(), "w");
        PEM_write_PrivateKey(file, pkey, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(file);
        X509_free(x);
        EVP_PKEY_free(pkey);
    }
    ~Certificate() { std::filesystem::remove_all(folder); }
};

/// TLS server that serves one connection after another.
class TlsServer {
  public:
    TlsServer(const Certificate& certificate, std::string answer, bool says_goodbye)
        : answer_(std::move(answer)),
          says_goodbye_(says_goodbye),
          context_(asio::ssl::context::tls_server),
          acceptor_(io_, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        context_.use_certificate_chain_file(certificate.certificate);
        context_.use_private_key_file(certificate.key, asio::ssl::context::pem);
        thread_ = std::thread([this] { work(); });
    }
    ~TlsServer() {
        ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
        thread_.join();
    }
    std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }

  private:
    void work() {
        for (;;) {
            boost::system::error_code error;
            asio::ip::tcp::socket socket(io_);
            acceptor_.accept(socket, error);
            if (error) return;
            asio::ssl::stream<asio::ip::tcp::socket> stream(std::move(socket), context_);
            stream.handshake(asio::ssl::stream_base::server, error);
            if (error) continue;
            char request[4096];
            stream.read_some(asio::buffer(request), error);
            asio::write(stream, asio::buffer(answer_), error);
            if (says_goodbye_) stream.shutdown(error);
        }
    }

    std::string answer_;
    bool says_goodbye_;
    asio::io_context io_;
    asio::ssl::context context_;
    asio::ip::tcp::acceptor acceptor_;
    std::thread thread_;
};

}  // namespace btfs::net::test
