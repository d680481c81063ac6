import { mkdirSync, writeFileSync } from 'node:fs';
import { firstLine, type Server } from './server.ts';

/** Files over HTTP with nothing around them: what the machine can do. */
export const nginx: Server = {
  title: 'nginx',
  // Debian keeps it where only root looks.
  program: () => Bun.which('nginx') ?? Bun.which('nginx', { PATH: '/usr/sbin:/usr/local/sbin' }),
  version: (program) => firstLine([program, '-v']),
  command(program, directory, port) {
    const file = `${directory}.conf`;
    for (const name of ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'])
      mkdirSync(`${directory}.tmp/${name}`, { recursive: true });
    writeFileSync(
      file,
      `daemon off; worker_processes auto; pid ${directory}.pid; error_log stderr error;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  client_body_temp_path ${directory}.tmp/body; proxy_temp_path ${directory}.tmp/proxy;
  fastcgi_temp_path ${directory}.tmp/fastcgi; uwsgi_temp_path ${directory}.tmp/uwsgi; scgi_temp_path ${directory}.tmp/scgi;
  default_type application/vnd.oci.image.manifest.v1+json;
  server { listen 127.0.0.1:${port}; root ${directory}; }
}
`,
    );
    return [program, '-c', file, '-p', directory, '-e', 'stderr'];
  },
};
