package client_test

import (
	"context"
	"errors"
	"fmt"

	"minimega/scripts/client"
)

func ExampleClient_Run() {
	ctx := context.Background()
	n, stop, err := node(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	c, err := client.Dial(ctx, n.Socket()) // client.DefaultSocket, without -base
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	for _, line := range []string{"vm config memory 4096", "vm config memory", "file get nothing"} {
		for reply, err := range c.Run(ctx, line) {
			var refused *client.HostError
			switch {
			case errors.As(err, &refused):
				fmt.Println(refused.Host, "refused:", refused.Text)
			case err != nil:
				fmt.Println(err)
			case reply.Rendered != "":
				fmt.Println(reply.Rendered)
			}
		}
	}
	// Output:
	// 4096
	// kn1 refused: get nothing: file not found
}
