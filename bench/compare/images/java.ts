import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Kitchen, writeFiles } from '../kitchen.ts';
import { installDebian, type Recipe } from '../recipe.ts';

/** `group:artifact:version`, and a classifier behind it where it has one. */
type Coordinates = `${string}:${string}:${string}`;

/** Of Spring Boot: a jar with jars in it. */
const boot: readonly string[] = ['web', 'data-jpa', 'security', 'actuator', 'validation'].map(
  (part) => `org.springframework.boot:spring-boot-starter-${part}`,
);
/** Of the war: what older applications are made of. */
const inWar: readonly Coordinates[] = [
  'commons-beanutils:commons-beanutils:1.9.4',
  'commons-fileupload:commons-fileupload:1.5',
  'log4j:log4j:1.2.17',
  'org.apache.struts:struts2-core:2.5.33',
  'org.apache.velocity:velocity-engine-core:2.3',
  'org.hibernate:hibernate-core:5.6.15.Final',
  'xerces:xercesImpl:2.12.2',
];
/** Beside each other in a folder; by many build tools, most without a description of Maven's. */
const loose: readonly Coordinates[] = [
  'com.google.guava:guava:33.3.1-jre',
  'com.google.protobuf:protobuf-java:4.28.3',
  'com.squareup.okhttp3:okhttp:4.12.0',
  'io.grpc:grpc-netty-shaded:1.68.1',
  'io.ktor:ktor-server-core-jvm:2.3.12',
  'io.netty:netty-transport-native-epoll:4.1.114.Final:linux-x86_64',
  'io.projectreactor:reactor-core:3.6.11',
  'org.apache.kafka:kafka-clients:3.8.1',
  'org.apache.logging.log4j:log4j-core:2.24.1',
  'org.apache.lucene:lucene-core:9.12.0',
  'org.bouncycastle:bcprov-jdk18on:1.78.1',
  'org.codehaus.groovy:groovy:3.0.22',
  'org.elasticsearch.client:elasticsearch-rest-high-level-client:7.17.25',
  'org.jetbrains.kotlin:kotlin-stdlib:2.0.21',
  'org.scala-lang:scala-library:2.13.15',
];

/** Jars of Tomcat are in its archive; these are fetched for the index of Trivy alone. */
const ofTomcat: readonly Coordinates[] = [
  ...[
    'annotations-api',
    'api',
    'catalina',
    'coyote',
    'dbcp',
    'el-api',
    'jasper',
    'jasper-el',
    'jaspic-api',
    'jdbc',
    'jni',
    'jsp-api',
    'juli',
    'servlet-api',
    'util',
    'util-scan',
    'websocket',
    'websocket-api',
  ].map((part): Coordinates => `org.apache.tomcat:tomcat-${part}:9.0.96`),
  'org.eclipse.jdt:ecj:3.26.0',
  'org.springframework.boot:spring-boot-jarmode-tools:3.3.5',
];

export const java: Recipe = {
  name: 'java',
  about:
    'Debian with its own JRE; an application of Spring Boot; a war in Tomcat; one jar into which others were shaded; and loose jars of many build tools',
  onDebian: true,
  steps: [installDebian('openjdk-17-jre-headless', 'libcommons-lang3-java'), installApplications],
};

async function installApplications(root: string, { directory, run }: Kitchen): Promise<void> {
  const build = async (name: string, pom: string, ...goals: string[]) => {
    const source = 'package com.example;\npublic class Main { public static void main(String[] words) {} }\n';
    await writeFiles(join(directory, name), { 'pom.xml': pom, 'src/main/java/com/example/Main.java': source });
    await run(['mvn', '-q', '-B', '-DskipTests', ...goals], { cwd: join(directory, name) });
    return join(directory, name, 'target');
  };
  const orders = await build('orders', project('orders', 'jar', boot, parentOfBoot, bootPlugin), 'package');
  const legacy = await build('legacy', project('legacy', 'war', inWar, compiler, warPlugin), 'package');
  const shaded = await build(
    'shaded',
    project(
      'shaded',
      'jar',
      [
        'com.fasterxml.jackson.core:jackson-databind:2.18.1',
        'org.apache.commons:commons-lang3:3.17.0',
        'com.squareup.okio:okio-jvm:3.9.1',
      ],
      compiler,
      shadePlugin,
    ),
    'package',
  );
  const libraries = await build(
    'libraries',
    project('libraries', 'jar', loose, compiler, ''),
    'dependency:copy-dependencies',
  );
  await build('tomcat', project('tomcat', 'jar', ofTomcat, compiler, ''), 'dependency:copy-dependencies');
  const tomcat = join(root, 'opt', 'tomcat');
  await mkdir(tomcat, { recursive: true });
  await run([
    'mvn',
    '-q',
    '-B',
    'dependency:copy',
    '-Dartifact=org.apache.tomcat:tomcat:9.0.96:tar.gz',
    `-DoutputDirectory=${directory}`,
  ]);
  await run(['sh', '-c', `tar -xzf tomcat-*.tar.gz -C ${tomcat} --strip-components=1`]);
  await mkdir(join(root, 'app', 'lib'), { recursive: true });
  await cp(join(orders, 'orders-2.1.0.jar'), join(root, 'app', 'app.jar'));
  await cp(join(legacy, 'legacy-2.1.0.war'), join(tomcat, 'webapps', 'legacy.war'));
  await cp(join(shaded, 'shaded-2.1.0.jar'), join(root, 'app', 'shaded-2.1.0.jar'));
  await cp(join(libraries, 'dependency'), join(root, 'app', 'lib'), { recursive: true });
}

const parentOfBoot =
  '<parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId><version>3.3.5</version><relativePath/></parent><properties><java.version>17</java.version></properties>';
const compiler =
  '<properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target></properties>';
const bootPlugin = plugin('org.springframework.boot:spring-boot-maven-plugin', '');
const warPlugin = plugin(
  'org.apache.maven.plugins:maven-war-plugin:3.4.0',
  '<configuration><failOnMissingWebXml>false</failOnMissingWebXml></configuration>',
);
const shadePlugin = plugin(
  'org.apache.maven.plugins:maven-shade-plugin:3.6.0',
  '<executions><execution><phase>package</phase><goals><goal>shade</goal></goals></execution></executions>',
);

function plugin(coordinates: string, more: string): string {
  return `<build><plugins><plugin>${tagsOf(coordinates)}${more}</plugin></plugins></build>`;
}

function project(
  artifact: string,
  packaging: string,
  dependencies: readonly string[],
  head: string,
  build: string,
): string {
  return (
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>${head}` +
    `${tagsOf(`com.example:${artifact}:2.1.0`)}<packaging>${packaging}</packaging><dependencies>` +
    `${dependencies.map((one) => `<dependency>${tagsOf(one)}</dependency>`).join('')}</dependencies>${build}</project>`
  );
}

function tagsOf(coordinates: string): string {
  const [group, artifact, version, classifier] = coordinates.split(':');
  const tags = { groupId: group, artifactId: artifact, version, classifier };
  return Object.entries(tags)
    .map(([tag, text]) => (text === undefined ? '' : `<${tag}>${text}</${tag}>`))
    .join('');
}
