package discovery

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain also is what runs inside network namespaces: see role_test.go.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(playRole(role))
	}
	goleak.VerifyTestMain(m)
}
