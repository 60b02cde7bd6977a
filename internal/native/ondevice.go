package native

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// OnDevice returns the backend as one that has but one of its devices, numbered 0:
// what is made with it lives and runs there. Devices of one process are so used
// side by side, each by networks of its own. It must be closed before b; buffers
// and tensors of one device are none of another's.
//
// Programs are compiled without an assignment to a device, which GoMLX calls
// portable, and told where to run when they are executed.
func (b *Backend) OnDevice(device int) (*Backend, error) {
	if device < 0 || device >= b.Devices {
		return nil, fmt.Errorf("native: device %d: %s has %d, numbered from 0", device, b.Kind, b.Devices)
	}
	one := *b
	one.GoMLX, one.Devices = &deviceBackend{b.GoMLX, backends.DeviceNum(device)}, 1
	return &one, nil
}

// A deviceBackend has the device in all that asks for one. Its device 0 is the
// only one that its users know.
type deviceBackend struct {
	backends.Backend
	device backends.DeviceNum
}

// NumDevices implements [backends.Backend].
func (d *deviceBackend) NumDevices() int { return 1 }

// DeviceDescription implements [backends.Backend].
func (d *deviceBackend) DeviceDescription(backends.DeviceNum) string {
	return d.Backend.DeviceDescription(d.device)
}

// Builder implements [backends.Backend].
func (d *deviceBackend) Builder(name string) backends.Builder {
	return &deviceBuilder{d.Backend.Builder(name), d}
}

// BufferDeviceNum implements [backends.DataInterface].
func (d *deviceBackend) BufferDeviceNum(b backends.Buffer) (backends.DeviceNum, error) {
	at, err := d.Backend.BufferDeviceNum(b)
	if err == nil && at != d.device {
		err = fmt.Errorf("native: a buffer on device %d is given to device %d", at, d.device)
	}
	return 0, err
}

// BufferFromFlatData implements [backends.DataInterface].
func (d *deviceBackend) BufferFromFlatData(_ backends.DeviceNum, flat any, s shapes.Shape) (backends.Buffer, error) {
	return d.Backend.BufferFromFlatData(d.device, flat, s)
}

// NewSharedBuffer implements [backends.DataInterface].
func (d *deviceBackend) NewSharedBuffer(_ backends.DeviceNum, s shapes.Shape) (backends.Buffer, any, error) {
	return d.Backend.NewSharedBuffer(d.device, s)
}

// Finalize implements [backends.Backend]: the client is the whole backend's.
func (d *deviceBackend) Finalize() {}

type deviceBuilder struct {
	backends.Builder
	of *deviceBackend
}

// Compile implements [backends.Builder].
func (b *deviceBuilder) Compile(outputs []backends.Op, shardings []*backends.ShardingSpec) (backends.Executable, error) {
	e, err := b.Builder.Compile(outputs, shardings)
	if err != nil {
		return nil, err
	}
	return &deviceExecutable{e, b.of.device}, nil
}

type deviceExecutable struct {
	backends.Executable
	device backends.DeviceNum
}

// Execute implements [backends.Executable].
func (e *deviceExecutable) Execute(inputs []backends.Buffer, donate []bool, _ backends.DeviceNum) ([]backends.Buffer, error) {
	return e.Executable.Execute(inputs, donate, e.device)
}
