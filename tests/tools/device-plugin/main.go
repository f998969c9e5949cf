// A device plugin with one GPU that is nothing but a name, in place of NVIDIA's: it speaks the kubelet's device-plugin
// API v1beta1 over the same sockets, so a real kubelet counts the device, keeps it and gives it to one container at a
// time. It ends with status 1 and a reason when the kubelet does not take it.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const (
	resource = "nvidia.com/gpu"
	// In the kubelet's folder, which is a constant of Kubernetes.
	endpoint = "mops-test-gpu.sock"
	device   = "GPU-00000000-0000-4000-8000-000000000001"
	// The variable by which NVIDIA's runtime learns what a container may see.
	visible = "NVIDIA_VISIBLE_DEVICES"
)

// plugin keeps the two calls that are optional unimplemented: its options do not announce them.
type plugin struct {
	api.UnimplementedDevicePluginServer
}

func (plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

// ListAndWatch tells of the device once; it stays healthy for as long as the stream is open.
func (plugin) ListAndWatch(_ *api.Empty, stream grpc.ServerStreamingServer[api.ListAndWatchResponse]) error {
	all := &api.ListAndWatchResponse{Devices: []*api.Device{{ID: device, Health: api.Healthy}}}
	if err := stream.Send(all); err != nil {
		return err
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}

func (plugin) Allocate(_ context.Context, asked *api.AllocateRequest) (*api.AllocateResponse, error) {
	answer := &api.AllocateResponse{}
	for _, container := range asked.ContainerRequests {
		envs := map[string]string{visible: strings.Join(container.DevicesIds, ",")}
		answer.ContainerResponses = append(answer.ContainerResponses, &api.ContainerAllocateResponse{Envs: envs})
	}
	return answer, nil
}

// register makes the plugin known; the kubelet calls back at once, so the server must be there already.
func register() error {
	connection, err := grpc.NewClient("unix://"+api.KubeletSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	patience, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request := &api.RegisterRequest{Version: api.Version, Endpoint: endpoint, ResourceName: resource}
	_, err = api.NewRegistrationClient(connection).Register(patience, request)
	return err
}

func run() error {
	socket := api.DevicePluginPath + endpoint
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	api.RegisterDevicePluginServer(server, plugin{})
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if err := register(); err != nil {
		return err
	}
	fmt.Println("registered", resource, "with", device)
	return <-ended
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "device-plugin:", err)
		os.Exit(1)
	}
}
