package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"minimega/completion"
	"minimega/mesh"
	"minimega/mesh/discovery"
	"minimega/mesh/wire"
	"minimega/shell"
	"minimega/transfer"
	"minimega/transfer/archive"
	"minimega/transfer/download"
	"minimega/transfer/store"
)

// compose makes the parts of a node and hands each what it needs of the others.
// It returns the shell, whose front end is the user's, and what runs beside it.
func compose(opts shell.Options, cfg shell.Config, files *store.Store) (*shell.Shell, []func(context.Context) error, error) {
	web, err := download.Rules(opts.Allow, opts.CACert)
	if err != nil {
		return nil, nil, err
	}
	node, err := newMesh(opts, cfg.Log)
	if err != nil {
		return nil, nil, err
	}
	engine, err := transfer.New(transfer.Config{Store: files, Mesh: node, Log: cfg.Log, Head: opts.Head})
	if err != nil {
		return nil, nil, err
	}
	archives, err := archive.New(archive.Config{Dir: files.Dir(), Reserved: store.Reserved, Log: cfg.Log})
	if err != nil {
		return nil, nil, err
	}
	names := completion.NewMeshNames(node, files.Names, cfg.Console.Refresh)
	held := transfer.NewHoldings(engine, cfg.Console.Refresh)
	web.Store, web.Mesh, web.Swarm, web.Limit, web.Log = files, node, swarm{engine}, engine, cfg.Log
	downloads := urls{download.New(web)}
	cfg.Mesh, cfg.Files, cfg.Names, cfg.Archives, cfg.Downloads = node, shell.FromEngine(engine), names, archives, downloads
	cfg.Versions, cfg.Machine = held, shell.ThisMachine{}
	sh, err := shell.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	node.Handle(completion.Method, names.Answer)
	for _, methods := range []map[string]wire.Handler{engine.Methods(), downloads.Methods(), sh.Methods()} {
		for name, h := range methods {
			node.Handle(name, h)
		}
	}
	for name, h := range engine.Streams() {
		node.HandleStream(name, h)
	}
	socket := func(ctx context.Context) error { return sh.ServeSocket(ctx, shell.SocketPath(opts.Base)) }
	return sh, []func(context.Context) error{node.Run, engine.Run, names.Run, held.Run, archives.Run, socket, sh.RunBackground, sh.RunLogs, sh.RunHashes, sh.RunPlumber, sh.RunQEMU}, node.Listen()
}

// newMesh makes the node's part in the mesh, and what finds the others.
func newMesh(opts shell.Options, log *slog.Logger) (*mesh.Node, error) {
	key, err := opts.MeshKey()
	if err != nil {
		return nil, err
	}
	rendezvous, err := discovery.DefaultRendezvousDir()
	if err != nil {
		return nil, err
	}
	find := discovery.New(discovery.Config{
		CacheFile: filepath.Join(opts.Base, "peers"), RendezvousDir: rendezvous, MDNS: true, Log: log,
	})
	return mesh.New(mesh.Config{
		Name: opts.Name, Context: opts.Context, Degree: opts.Degree, Port: opts.Port, Key: key, Open: opts.Open,
		Join: opts.Join, Hints: find.Run, Reached: find.Remember, FirstRound: find.FirstRound(), Log: log,
	})
}
