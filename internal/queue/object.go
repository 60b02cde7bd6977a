package queue

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
)

func objectName(tile int) string { return fmt.Sprintf("tile-%d-%s", tile, rand.Text()) }

// objectSubject is where an object store keeps what it says of an object, by
// NATS' ADR-20.
func objectSubject(n names, object string) string {
	return fmt.Sprintf("$O.%s.M.%s", n.bucket(), base64.URLEncoding.EncodeToString([]byte(object)))
}
