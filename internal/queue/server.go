package queue

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A Server is a NATS server with JetStream in this process, for workers on this
// machine: it listens on the loopback interface only, and lets nobody in without
// its token.
type Server struct {
	server *server.Server
	token  string
}

// Serve starts a server whose streams are kept in a folder. What an earlier
// server left there goes on.
func Serve(folder string) (*Server, error) {
	return serve(folder, server.RANDOM_PORT, rand.Text())
}

func serve(folder string, port int, token string) (*Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "ntk", Host: "127.0.0.1", Port: port, Authorization: token,
		JetStream: true, StoreDir: folder, NoSigs: true, NoLog: true,
		MaxPayload: 8 << 20,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: starting a server in %s: %w", ErrConnect, folder, err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, fmt.Errorf("%w: the server in %s does not start; is its disk full, or another server there?", ErrConnect, folder)
	}
	if !s.JetStreamEnabled() {
		s.Shutdown()
		return nil, errors.New("queue: the server has no JetStream")
	}
	return &Server{s, token}, nil
}

// URL returns the address, and Token what clients log in with.
func (s *Server) URL() string { return s.server.ClientURL() }

// Token returns what clients log in with.
func (s *Server) Token() string { return s.token }

// Close stops the server. Streams stay in the folder.
func (s *Server) Close() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}
