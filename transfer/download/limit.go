package download

import (
	"context"
	"net"
)

// Limit holds what comes on a connection to the rate that the node has set.
type Limit interface {
	Limited(conn net.Conn) net.Conn
}

// A dial makes a connection, as net.Dialer does.
type dial = func(ctx context.Context, network, address string) (net.Conn, error)

// limited returns a dial whose connections obey the client's limit.
func (c *client) limited(to dial) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := to(ctx, network, address)
		if err != nil || c.limit == nil {
			return conn, err
		}
		return c.limit.Limited(conn), nil
	}
}
