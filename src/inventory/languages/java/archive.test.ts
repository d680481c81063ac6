import { describe, expect, test } from 'bun:test';
import { javaReader } from './archive.ts';
import { coordinatesOfFile } from './coordinates.ts';
import { manifestOf, pomOf, zipOf } from './zip.double.ts';

/** `group:artifact@version`, with the place inside of the file where it has one. */
function read(path: string, bytes: Uint8Array) {
  const { packages, warnings } = javaReader.read(path, bytes);
  const names = packages.map(
    ({ namespace, name, version, location }) =>
      `${namespace ?? ''}:${name}@${version}${location === undefined ? '' : ` in ${location}`}`,
  );
  return { names, warnings: warnings ?? [] };
}

describe('an archive of Java', () => {
  test('is wanted by its ending, unless it is empty', () => {
    const wanted = (path: string, size = 10) => javaReader.wants(path, { mode: 0o644, size });
    for (const path of ['a.jar', 'opt/x.WAR', 'opt/x.ear', 'j/p.hpi']) expect(wanted(path)).toBe(true);
    for (const path of ['a.jar.md5', 'jar', 'a.zip']) expect(wanted(path)).toBe(false);
    expect(wanted('a.jar', 0)).toBe(false);
  });

  test('is what its pom.properties says, whatever the manifest says', () => {
    const jar = zipOf([
      manifestOf({ 'Implementation-Title': 'Log4j', 'Implementation-Version': '9' }),
      pomOf('org.apache.logging.log4j', 'log4j-core', '2.14.1'),
    ]);
    expect(read('app/log4j-core-2.14.1.jar', jar).names).toEqual(['org.apache.logging.log4j:log4j-core@2.14.1']);
    expect(read('app/logging.jar', jar).names).toEqual(['org.apache.logging.log4j:log4j-core@2.14.1']);
  });

  test('has those that were shaded into it, and is one of its own', () => {
    const jar = zipOf([
      manifestOf({ 'Implementation-Vendor-Id': 'com.example' }),
      pomOf('com.google.guava', 'guava', '31.1-jre'),
      pomOf('commons-io', 'commons-io', '2.4'),
    ]);
    expect(read('srv/tool-1.0.jar', jar).names.toSorted()).toEqual([
      'com.example:tool@1.0',
      'com.google.guava:guava@31.1-jre',
      'commons-io:commons-io@2.4',
    ]);
  });

  test('without pom.properties is what its manifest and its name say', () => {
    const of = (path: string, attributes: Record<string, string>) => read(path, zipOf([manifestOf(attributes)])).names;
    expect(of('spring-core-5.3.17.jar', { 'Implementation-Title': 'spring-core' })).toEqual([
      'org.springframework:spring-core@5.3.17',
    ]);
    expect(of('spring-security-web-5.7.1.jar', {})).toEqual(['org.springframework.security:spring-security-web@5.7.1']);
    const osgi = {
      'Bundle-SymbolicName': 'com.example.things.thing-core;singleton:=true',
      'Bundle-Version': '1.0.0.RC1',
    };
    expect(of('thing-core-1.0.0-RC1.jar', osgi)).toEqual(['com.example.things:thing-core@1.0.0-RC1']);
    expect(of('renamed.jar', osgi)).toEqual(['com.example.things:thing-core@1.0.0.RC1']);
    expect(
      of('usr/local/tomcat/lib/catalina.jar', {
        'Implementation-Title': 'Apache Tomcat',
        'Implementation-Version': '9.0.30',
      }),
    ).toEqual(['org.apache.tomcat:tomcat-catalina@9.0.30']);
    expect(of('unknown-1.2.jar', {})).toEqual([':unknown@1.2']);
    expect(of('app.jar', {})).toEqual([]);
    expect(of('app.jar', { 'Implementation-Title': 'Our App', 'Implementation-Version': '${version}' })).toEqual([]);
    // Their manifests name packages, or nothing.
    expect(of('protobuf-java-4.28.3.jar', { 'Bundle-SymbolicName': 'com.google.protobuf' })).toEqual([
      'com.google.protobuf:protobuf-java@4.28.3',
    ]);
    expect(of('jna-5.13.0.jar', { 'Bundle-SymbolicName': 'com.sun.jna' })).toEqual(['net.java.dev.jna:jna@5.13.0']);
    expect(of('ecj-4.20.jar', { 'Bundle-Version': '3.26.0.v20210609-0549' })).toEqual(['org.eclipse.jdt:ecj@3.26.0']);
    expect(of('log4j-1.2.12.jar', {})).toEqual(['log4j:log4j@1.2.12']);
    expect(of('poi-ooxml-5.2.2.jar', {})).toEqual(['org.apache.poi:poi-ooxml@5.2.2']);
  });

  test('without pom.properties is in the group to which its artifact has moved by then', () => {
    const of = (path: string) => read(path, zipOf([manifestOf({ 'Implementation-Vendor-Id': 'org.vendor' })])).names;
    expect(of('hibernate-core-5.6.15.Final.jar')).toEqual(['org.hibernate:hibernate-core@5.6.15.Final']);
    expect(of('hibernate-core-6.5.3.Final.jar')).toEqual(['org.hibernate.orm:hibernate-core@6.5.3.Final']);
    expect(of('groovy-3.0.22.jar')).toEqual(['org.codehaus.groovy:groovy@3.0.22']);
    expect(of('groovy-json-4.0.24.jar')).toEqual(['org.apache.groovy:groovy-json@4.0.24']);
    expect(of('dom4j-1.6.1.jar')).toEqual(['dom4j:dom4j@1.6.1']);
    expect(of('okhttp-2.7.5.jar')).toEqual(['com.squareup.okhttp:okhttp@2.7.5']);
  });

  test('with a classifier behind its version is no other artifact', () => {
    const jar = zipOf([pomOf('io.netty', 'netty-transport-native-epoll', '4.1.114.Final')]);
    expect(read('netty-transport-native-epoll-4.1.114.Final-linux-x86_64.jar', jar).names).toEqual([
      'io.netty:netty-transport-native-epoll@4.1.114.Final',
    ]);
  });

  test('has a manifest whose lines go on in the next, and more sections', () => {
    const long = 'com.example.a.rather.long.name.of.a.bundle.that.goes.on.and.on.beyond.one.line.the-artifact';
    const manifest = manifestOf({ 'Bundle-SymbolicName': long, 'Bundle-Version': '1.2.3' });
    const more = { ...manifest, content: `${manifest.content as string}Name: x\r\nBundle-Version: 9\r\n` };
    expect(read('x.jar', zipOf([more])).names).toEqual([`${long.slice(0, -13)}:the-artifact@1.2.3`]);
  });

  test('shows what lies in it, two levels deep', () => {
    const inner = zipOf([pomOf('g', 'inner', '1')]);
    const lib = zipOf([pomOf('g', 'lib', '2'), { name: 'META-INF/lib/inner-1.jar', content: inner, stored: true }]);
    const war = zipOf([pomOf('g', 'web', '3'), { name: 'WEB-INF/lib/lib-2.jar', content: lib }]);
    expect(read('web-3.war', war).names).toEqual([
      'g:inner@1 in WEB-INF/lib/lib-2.jar!/META-INF/lib/inner-1.jar',
      'g:lib@2 in WEB-INF/lib/lib-2.jar',
      'g:web@3',
    ]);
    const ear = zipOf([{ name: 'web.war', content: war }]);
    const found = read('all.ear', ear);
    expect(found.names).toEqual(['g:lib@2 in web.war!/WEB-INF/lib/lib-2.jar', 'g:web@3 in web.war']);
    expect(found.warnings).toEqual([
      'web.war!/WEB-INF/lib/lib-2.jar!/META-INF/lib/inner-1.jar is nested more than 2 deep',
    ]);
  });

  test('may have a program in front of it, a comment behind it, and numbers of 64 bits', () => {
    const members = [{ ...pomOf('g', 'a', '1'), zip64: true }];
    for (const options of [
      { prefix: '#!/bin/sh\nexec java -jar "$0"\n' },
      { comment: 'PK\x05\x06 is written here' },
      { zip64: true },
    ]) {
      expect(read('a.jar', zipOf(members, options))).toEqual({ names: ['g:a@1'], warnings: [] });
    }
  });

  test('that is a text, a pointer to large storage or a placeholder, is nothing', () => {
    expect(read('a.jar', Buffer.from('version https://git-lfs.github.com/spec/v1\n'))).toEqual({
      names: [],
      warnings: [],
    });
  });
});

test.each([
  ['log4j-1.2-api-2.17.1.jar', 'log4j-1.2-api', '2.17.1'],
  ['guava-33.0.0-jre.jar', 'guava', '33.0.0-jre'],
  ['jboss-servlet-api_3.1_spec-1.0.0.Final.jar', 'jboss-servlet-api_3.1_spec', '1.0.0.Final'],
  ['plexus-container-default-1.0-alpha-9.jar', 'plexus-container-default', '1.0-alpha-9'],
  ['thing-1.0-20230101.123456-1.jar', 'thing', '1.0-20230101.123456-1'],
  ['zstd-jni-1.5.6-4.jar', 'zstd-jni', '1.5.6-4'],
  ['akka-actor_2.13-2.6.20.jar', 'akka-actor_2.13', '2.6.20'],
  ['thing-1.0-SNAPSHOT.war', 'thing', '1.0-SNAPSHOT'],
  ['app.jar', 'app', undefined],
])('a file %s is %s in version %s', (path, artifact, version) => {
  expect(coordinatesOfFile(`lib/${path}`)).toEqual(version === undefined ? { artifact } : { artifact, version });
});
