import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Kitchen, writeFiles } from '../kitchen.ts';
import type { Recipe } from '../recipe.ts';

const files = {
  'go.mod': `module example.com/shop/orders

go 1.24.0

replace example.com/shared => ./shared

replace golang.org/x/text => golang.org/x/text v0.25.0
`,
  'shared/go.mod': 'module example.com/shared\n\ngo 1.24.0\n',
  'shared/shared.go': 'package shared\n\nconst Name = "shared"\n',
  'main.go': `package main

import (
	"context"
	"fmt"
	"net/http"

	"example.com/shared"
	"github.com/dgrijalva/jwt-go"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"gopkg.in/yaml.v3"
)

var version = "unknown"

func main() {
	command := &cobra.Command{Use: "orders", Version: version, RunE: func(*cobra.Command, []string) error {
		if _, err := jwt.Parse("", nil); err != nil {
			return err
		}
		if _, err := pgx.Connect(context.Background(), ""); err != nil {
			return err
		}
		router := gin.New()
		router.GET("/metrics", gin.WrapH(promhttp.Handler()))
		text, _ := yaml.Marshal(shared.Name)
		fmt.Println(string(text), grpc.NewServer())
		return http.ListenAndServe(":8080", router)
	}}
	_ = command.Execute()
}
`,
};

const modules = [
  'github.com/dgrijalva/jwt-go@v3.2.0+incompatible',
  'github.com/gin-gonic/gin@v1.10.0',
  'github.com/jackc/pgx/v5@v5.7.2',
  'github.com/prometheus/client_golang@v1.21.0',
  'github.com/spf13/cobra@v1.9.1',
  'google.golang.org/grpc@v1.71.0',
  'gopkg.in/yaml.v3@v3.0.1',
];

const environment = { CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOWORK: 'off' };

export const go: Recipe = {
  name: 'go',
  about:
    'static programs alone: one built from a checkout, whose version the linker was told, with a module replaced by a folder and one by another version; the same without that; one installed by its version',
  onDebian: false,
  steps: [buildFromCheckout, installByVersion],
};

async function buildFromCheckout(root: string, { directory, run }: Kitchen): Promise<void> {
  await writeFiles(directory, files);
  await run(['go', 'mod', 'edit', '-require', 'example.com/shared@v0.0.0'], { environment });
  await run(['go', 'get', ...modules], { environment });
  await run(['go', 'mod', 'tidy'], { environment });
  const link = '-s -w -X main.version=1.4.2';
  await run(['go', 'build', '-trimpath', '-ldflags', link, '-o', join(root, 'orders'), '.'], { environment });
  await run(['go', 'build', '-buildvcs=false', '-o', join(root, 'tools', 'migrate'), './'], { environment });
}

/** In a folder of its own, so that what is on this machine stays as it is. */
async function installByVersion(root: string, { directory, run }: Kitchen): Promise<void> {
  const own = { ...environment, GOBIN: directory };
  await run(['go', 'install', '-ldflags', '-s -w', 'github.com/google/go-containerregistry/cmd/crane@v0.22.1'], {
    environment: own,
  });
  await mkdir(join(root, 'usr', 'bin'), { recursive: true });
  await copyFile(join(directory, 'crane'), join(root, 'usr', 'bin', 'crane'));
}
