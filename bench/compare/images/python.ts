import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Kitchen, writeFiles } from '../kitchen.ts';
import { installDebian, type Recipe } from '../recipe.ts';

/** Exact, with all that they take: `pip freeze`. */
const requirements = `Django==4.2.16
Flask==3.0.3
Jinja2==3.1.4
MarkupSafe==2.1.5
PyYAML==6.0.1
Pygments==2.18.0
SQLAlchemy==2.0.36
Werkzeug==3.0.4
asgiref==3.8.1
blinker==1.8.2
certifi==2024.8.30
cffi==1.17.1
charset-normalizer==3.3.2
click==8.1.7
cryptography==43.0.1
greenlet==3.1.1
gunicorn==22.0.0
idna==3.7
itsdangerous==2.2.0
jaraco.functools==4.1.0
more-itertools==10.5.0
numpy==1.26.4
packaging==24.1
pycparser==2.22
requests==2.32.3
ruamel.yaml==0.18.6
setuptools==74.0.0
sqlparse==0.5.1
typing_extensions==4.12.2
urllib3==2.2.2
zope.interface==7.0.3
`;
const overDebian = ['urllib3==1.26.18', 'six==1.16.0', 'wheel==0.44.0'];

export const python: Recipe = {
  name: 'python',
  about:
    'Debian with its own Python and packages of it; an application in a virtual environment; and packages that pip has put over those of Debian',
  onDebian: true,
  steps: [
    installDebian(
      'python3',
      'python3-venv',
      'python3-pip',
      'python3-requests',
      'python3-yaml',
      'python3-jwt',
      'python3-distutils',
      'mercurial',
    ),
    installApplication,
  ],
};

/** pip downloads on this machine, and installs inside, where it needs no network. */
async function installApplication(root: string, kitchen: Kitchen): Promise<void> {
  const { directory, run, inRoot } = kitchen;
  await writeFiles(directory, { 'requirements.txt': requirements, 'over.txt': overDebian.join('\n') });
  const download = [
    'python3',
    '-m',
    'pip',
    'download',
    '--quiet',
    '--no-deps',
    '--only-binary=:all:',
    '--python-version',
    '3.11',
    '--dest',
    'wheels',
  ];
  for (const list of ['requirements.txt', 'over.txt']) await run([...download, '-r', list]);
  await cp(directory, join(root, 'wheels'), { recursive: true });
  const install = 'install --quiet --no-deps --no-index --find-links /wheels/wheels';
  await inRoot(root, ['python3', '-m', 'venv', '/opt/venv']);
  await inRoot(root, ['sh', '-c', `/opt/venv/bin/pip ${install} -r /wheels/requirements.txt`]);
  await inRoot(root, ['sh', '-c', `python3 -m pip ${install} --break-system-packages -r /wheels/over.txt`]);
  await writeFiles(root, { 'srv/shop/requirements.txt': requirements });
  await rm(join(root, 'wheels'), { recursive: true });
  await inRoot(root, ['sh', '-c', 'rm -rf /root/.cache /tmp/*']);
}
